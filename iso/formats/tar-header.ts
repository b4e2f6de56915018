import { inputError } from './input-error.ts';

export const blockBytes = 512;

/** What the 512 bytes of a tar header say. */
export interface TarHeader {
  readonly name: string;
  readonly mode: number;
  readonly sizeBytes: number;
  readonly type: string;
  readonly linkTarget: string;
}

/**
 * Reads a tar header of the ustar or GNU form (tar(5)). Returns undefined for the empty block that
 * ends an archive. Throws when the checksum is wrong, because then the reader has lost its place.
 */
export function readTarHeader(block: Buffer, file: string): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) {
    return undefined;
  }
  let sum = 0;
  for (let index = 0; index < blockBytes; index += 1) {
    // The checksum field itself counts as blanks.
    sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  }
  if (octal(block, 148, 8, file) !== sum) {
    throw inputError(file, 'A tar header in it has a wrong checksum.');
  }
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(block, 345, 155, file) : '';
  const name = text(block, 0, 100, file);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: octal(block, 100, 8, file) & 0o7777,
    sizeBytes: octal(block, 124, 12, file),
    type: String.fromCharCode(block[156] ?? 0),
    linkTarget: text(block, 157, 100, file),
  };
}

/** Decodes bytes up to the first NUL as UTF-8; anything that is not UTF-8 is refused. */
export function decodeName(bytes: Uint8Array, file: string): string {
  const end = bytes.indexOf(0);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(end < 0 ? bytes : bytes.subarray(0, end));
  } catch (cause) {
    throw inputError(file, 'A file name in it is not UTF-8.', cause);
  }
}

function text(block: Buffer, start: number, length: number, file: string): string {
  return decodeName(block.subarray(start, start + length), file);
}

function octal(block: Buffer, start: number, length: number, file: string): number {
  const digits = block
    .toString('latin1', start, start + length)
    .replace(/\0.*$/s, '')
    .trim();
  if (digits === '') {
    return 0;
  }
  if (!/^[0-7]+$/.test(digits)) {
    throw inputError(file, 'A tar header in it has a number that is not octal.');
  }
  return Number.parseInt(digits, 8);
}
