/** One file of an archive. */
export interface TarFile {
  readonly name: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

const blockBytes = 512;

/**
 * Reads a POSIX ustar archive of plain files strictly: every header with its magic and checksum, two empty blocks at
 * the end and nothing behind them.
 */
export function readTar(archive: Uint8Array): TarFile[] {
  const files: TarFile[] = [];
  let offset = 0;
  for (;;) {
    const header = archive.subarray(offset, offset + blockBytes);
    if (header.every((byte) => byte === 0)) {
      break;
    }
    const text = (from: number, length: number): string =>
      new TextDecoder().decode(header.subarray(from, from + length)).replace(/[\0 ]+$/, '');
    const spaced = header.slice().fill(32, 148, 156);
    const sum = spaced.reduce((total, byte) => total + byte, 0);
    if (Number.parseInt(text(148, 8), 8) !== sum || text(257, 6) !== 'ustar' || text(156, 1) !== '0') {
      throw new Error(`There is no header of a file at ${offset}.`);
    }
    const sizeBytes = Number.parseInt(text(124, 12), 8);
    const start = offset + blockBytes;
    files.push({
      name: text(0, 100),
      mode: Number.parseInt(text(100, 8), 8),
      content: archive.slice(start, start + sizeBytes),
    });
    offset = start + Math.ceil(sizeBytes / blockBytes) * blockBytes;
  }
  const rest = archive.subarray(offset);
  if (rest.length < 2 * blockBytes || !rest.every((byte) => byte === 0)) {
    throw new Error('The archive does not end with two empty blocks.');
  }
  return files;
}
