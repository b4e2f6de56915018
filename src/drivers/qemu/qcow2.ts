import { MachineError } from '../../core/errors.ts';

/** Bytes of a disk file that hold everything that is checked. */
export const headerBytes = 104;

/** `QFI` and 0xfb. */
const signature = 0x514649fb;
/** Bits of the field of incompatible features, docs/interop/qcow2.txt in QEMU's source. */
const corruptBit = 1n << 1n;
const externalDataBit = 1n << 2n;

/**
 * Size in bytes of the disk inside a qcow2 file, from the file's first bytes. Refuses whatever would
 * make QEMU open other files (a backing file, an external data file), other formats, encryption, and a
 * disk that QEMU has marked as corrupt. Nothing but these bytes is read, so a hostile disk cannot make
 * a tool follow it.
 * @throws MachineError `disk-unsafe`.
 */
export function checkQcow2(path: string, header: Uint8Array): number {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (header.length < 72 || view.getUint32(0) !== signature) {
    throw unsafe(path, 'it is not in the qcow2 format');
  }
  const version = view.getUint32(4);
  if (version !== 2 && version !== 3) {
    throw unsafe(path, `it is of version ${version} of the qcow2 format`);
  }
  if (view.getBigUint64(8) !== 0n) {
    throw unsafe(path, 'it refers to a backing file');
  }
  if (view.getUint32(32) !== 0) {
    throw unsafe(path, 'it is encrypted');
  }
  const features = version === 3 && header.length >= 80 ? view.getBigUint64(72) : 0n;
  if ((features & externalDataBit) !== 0n) {
    throw unsafe(path, 'its data is in another file');
  }
  if ((features & corruptBit) !== 0n) {
    throw new MachineError('disk-unsafe', `The disk ${path} cannot be used: QEMU has marked it as corrupt.`, {
      remedies: [`Make a copy, then try: qemu-img check -r all "${path}"`],
    });
  }
  return Number(view.getBigUint64(24));
}

function unsafe(path: string, why: string): MachineError {
  return new MachineError('disk-unsafe', `The disk ${path} cannot be used: ${why}.`);
}
