import { inputError } from './input-error.ts';

/** One member of an ar archive; `data` is a view into the archive. */
export interface ArMember {
  readonly name: string;
  readonly data: Uint8Array;
}

const magic = '!<arch>\n';
const headerBytes = 60;
/** A Debian package has three members; far more than that is no package. */
const membersMax = 64;

/**
 * The members of an ar archive, the outer format of a Debian package (deb(5)): per member a header of
 * 60 bytes (name at 0, decimal size at 48, end mark at 58), the data, and a padding to an even offset.
 * Throws `image-build-failed` for anything else.
 */
export function readAr(archive: Uint8Array, file: string): readonly ArMember[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  if (bytes.toString('latin1', 0, magic.length) !== magic) {
    throw inputError(file, 'It is not an ar archive.');
  }
  const members: ArMember[] = [];
  let offset = magic.length;
  while (offset < bytes.length) {
    if (members.length === membersMax) {
      throw inputError(file, `The archive has more than ${membersMax} members.`);
    }
    if (offset + headerBytes > bytes.length || bytes.toString('latin1', offset + 58, offset + 60) !== '`\n') {
      throw inputError(file, `The header of the archive member at byte ${offset} is damaged.`);
    }
    const sizeText = bytes.toString('latin1', offset + 48, offset + 58).trim();
    if (!/^\d+$/.test(sizeText)) {
      throw inputError(file, `The archive member at byte ${offset} has no size.`);
    }
    const start = offset + headerBytes;
    const end = start + Number(sizeText);
    if (end > bytes.length) {
      throw inputError(file, `The archive ends inside the member at byte ${offset}.`);
    }
    const name = bytes
      .toString('latin1', offset, offset + 16)
      .trimEnd()
      .replace(/\/$/, '');
    members.push({ name, data: bytes.subarray(start, end) });
    offset = end + (end % 2);
  }
  return members;
}
