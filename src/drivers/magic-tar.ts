import { MachineError } from '../core/errors.ts';
import { tarArchive, type TarEntry } from './tar.ts';

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
  const entries: TarEntry[] = [{ name: magic, mode: 0o644, content: encoder.encode(magic) }];
  if (authorizedKeys !== undefined) {
    const key = encoder.encode(authorizedKeys);
    if (key.length > keyBytesMax) {
      throw new MachineError(
        'bug',
        `The SSH keys take ${key.length} bytes, but a new disk carries ${keyBytesMax}.`,
      );
    }
    entries.push(
      { name: '.ssh/', mode: 0o700, content: undefined },
      { name: '.ssh/authorized_keys', mode: 0o644, content: key },
      { name: '.ssh/authorized_keys2', mode: 0o644, content: key },
    );
  }
  return tarArchive(entries, keptBytes);
}
