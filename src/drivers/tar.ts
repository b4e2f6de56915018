/** One file or directory of a tar archive; `content` undefined for a directory. */
export interface TarEntry {
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array | undefined;
}

const blockBytes = 512;
/** Two empty blocks end an archive. */
const endBytes = 2 * blockBytes;

/**
 * A POSIX ustar archive, owned by root and dated 1970, so that equal entries make equal bytes.
 * @param roundBytes the archive's length becomes a multiple of this
 */
export function tarArchive(entries: readonly TarEntry[], roundBytes = blockBytes): Uint8Array {
  const parts = entries.map(tarEntry);
  const lengthBytes = parts.reduce((sum, part) => sum + part.length, endBytes);
  const archive = new Uint8Array(roundUp(lengthBytes, roundBytes));
  let offset = 0;
  for (const part of parts) {
    archive.set(part, offset);
    offset += part.length;
  }
  return archive;
}

function tarEntry(file: TarEntry): Uint8Array {
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
