/** Bytes of a GUID as Microsoft's formats store it: its first three numbers with the low byte first. */
export function guidBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

/** True when the bytes are those of a GUID. */
export function isGuid(bytes: Uint8Array, text: string): boolean {
  return Buffer.compare(bytes, guidBytes(text)) === 0;
}

/** True for the GUID that is nothing but zeros. */
export function isNilGuid(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
