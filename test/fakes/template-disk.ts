/** Disks of pretended guests: the header of a qcow2 file, and in words what the guests have done to it. */

const headerBytes = 104;

/** A disk file of version 3 without a backing file. */
export function diskFile(sizeBytes: number, body: string): Uint8Array {
  const text = new TextEncoder().encode(body);
  const file = new Uint8Array(headerBytes + text.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, 3);
  view.setBigUint64(24, BigInt(sizeBytes));
  file.set(text, headerBytes);
  return file;
}

/** What guests have done to a disk; empty for a new one. */
export function bodyOf(file: Uint8Array): string {
  return new TextDecoder().decode(file.subarray(headerBytes));
}

/** Size of the disk inside the file. */
export function sizeBytesOf(file: Uint8Array): number {
  return Number(new DataView(file.buffer, file.byteOffset).getBigUint64(24));
}

/** The same disk with another size. */
export function resized(file: Uint8Array, sizeBytes: number): Uint8Array {
  return diskFile(sizeBytes, bodyOf(file));
}
