import { MachineError } from '../../core/errors.ts';

/** Name and content of the first entry: a disk that begins with it may be formatted by the guest. */
export const magic = 'boot2docker, please format-me';

/** The guest keeps this much of the disk's beginning before it formats the disk. */
const keptBytes = 4096;
const blockBytes = 512;
/** Three headers and the magic's content come before the end of the key. */
const keyBytesMax = keptBytes - 4 * blockBytes;

/**
 * The tar that boot2docker's drivers write to the beginning of a new data disk: it marks the disk as
 * ours to format and hands over the SSH key. Entries and their order are docker-machine's; the format
 * is POSIX ustar. The result is a multiple of 4096 bytes.
 * @param authorizedKeys text of the file authorized_keys; undefined leaves the key entries out
 * @throws MachineError `bug` when the keys do not fit into what the guest keeps.
 */
export function magicTar(authorizedKeys: string | undefined): Uint8Array {
  const encoder = new TextEncoder();
  const parts = [entry({ name: magic, mode: 0o644, content: encoder.encode(magic) })];
  if (authorizedKeys !== undefined) {
    const key = encoder.encode(authorizedKeys);
    if (key.length > keyBytesMax) {
      throw new MachineError(
        'bug',
        `The SSH keys take ${key.length} bytes, but a new disk carries ${keyBytesMax}.`,
      );
    }
    parts.push(
      entry({ name: '.ssh/', mode: 0o700, content: undefined }),
      entry({ name: '.ssh/authorized_keys', mode: 0o644, content: key }),
      entry({ name: '.ssh/authorized_keys2', mode: 0o644, content: key }),
    );
  }
  const lengthBytes = parts.reduce((sum, part) => sum + part.length, 2 * blockBytes);
  const tar = new Uint8Array(roundUp(lengthBytes, keptBytes));
  let offset = 0;
  for (const part of parts) {
    tar.set(part, offset);
    offset += part.length;
  }
  return tar;
}

function entry(file: {
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array | undefined;
}): Uint8Array {
  const sizeBytes = file.content?.length ?? 0;
  const block = new Uint8Array(blockBytes + roundUp(sizeBytes, blockBytes));
  const write = (offset: number, text: string): void => {
    block.set(new TextEncoder().encode(text), offset);
  };
  write(0, file.name);
  write(100, `${octal(file.mode, 7)}\0`);
  write(108, `${octal(0, 7)}\0`);
  write(116, `${octal(0, 7)}\0`);
  write(124, `${octal(sizeBytes, 11)}\0`);
  write(136, `${octal(0, 11)}\0`);
  // The checksum is computed with its own field as spaces.
  write(148, ' '.repeat(8));
  write(156, file.content === undefined ? '5' : '0');
  write(257, 'ustar\x0000');
  const sum = block.subarray(0, blockBytes).reduce((total, byte) => total + byte, 0);
  write(148, `${octal(sum, 6)}\0 `);
  block.set(file.content ?? [], blockBytes);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
