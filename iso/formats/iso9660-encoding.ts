/**
 * The primitive encodings of ECMA-119 (ISO 9660): numbers in both byte orders, dates, padded texts.
 * Clause numbers below are those of ECMA-119, 4th edition.
 */

export const SECTOR_BYTES = 2048;

/** Number of whole sectors that hold `sizeBytes`. */
export function sectorsFor(sizeBytes: number): number {
  return Math.ceil(sizeBytes / SECTOR_BYTES);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Clause 7.2.3: 16 bits little endian, then the same big endian. Takes 4 bytes at `offset`. */
export function putBoth16(target: Uint8Array, offset: number, value: number): void {
  const view = viewOf(target);
  view.setUint16(offset, value, true);
  view.setUint16(offset + 2, value, false);
}

/** Clause 7.3.3: 32 bits little endian, then the same big endian. Takes 8 bytes at `offset`. */
export function putBoth32(target: Uint8Array, offset: number, value: number): void {
  const view = viewOf(target);
  view.setUint32(offset, value, true);
  view.setUint32(offset + 4, value, false);
}

/** Writes ASCII text, filled with blanks up to `lengthBytes`; longer text is cut. */
export function putText(target: Uint8Array, offset: number, lengthBytes: number, text: string): void {
  target.fill(0x20, offset, offset + lengthBytes);
  for (let i = 0; i < Math.min(lengthBytes, text.length); i += 1) {
    target[offset + i] = text.charCodeAt(i) & 0x7f;
  }
}

/** Clause 9.1.5: the 7-byte date of directory records, in UTC. */
export function recordDate(epochSeconds: number): Uint8Array {
  const date = new Date(epochSeconds * 1000);
  return Uint8Array.of(
    // The year is one byte counted from 1900: dates outside 1900..2155 cannot be written.
    Math.min(255, Math.max(0, date.getUTCFullYear() - 1900)),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  );
}

/** Clause 8.4.26.1: the 17-byte date of volume descriptors, in UTC; undefined means "not specified". */
export function volumeDate(epochSeconds: number | undefined): Uint8Array {
  const bytes = new Uint8Array(17);
  const digits =
    epochSeconds === undefined
      ? '0000000000000000'
      : `${new Date(epochSeconds * 1000)
          .toISOString()
          .replace(/[^0-9]/g, '')
          .slice(0, 14)}00`;
  putText(bytes, 0, 16, digits);
  return bytes;
}

/** Order of two byte strings; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) {
      return difference;
    }
  }
  return a.length - b.length;
}

/** Joins byte strings. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
