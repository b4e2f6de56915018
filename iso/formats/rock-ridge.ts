import { concatBytes, putBoth32, recordDate } from './iso9660-encoding.ts';
import { layoutError } from './layout-error.ts';

/**
 * System use fields: SUSP (IEEE P1281) and Rock Ridge (IEEE P1282, the version known as RRIP_1991A that every
 * reader understands). A field is: two letters, its length, version 1, data.
 */

export const CE_FIELD_BYTES = 28;
/** One NM or SL field holds at most this much; longer names are refused instead of being split. */
export const NAME_BYTES_MAX = 250;

const RR_SYMLINK = 0x04;
const RR_NAME = 0x08;
const RR_ATTRIBUTES = 0x01;
const RR_TIMES = 0x80;

const textEncoder = new TextEncoder();

export interface RockRidgeAttributes {
  /** Type and permission bits as in stat. */
  readonly mode: number;
  readonly linkCount: number;
  readonly mtimeSeconds: number;
  /** Undefined for the entries `.` and `..`. */
  readonly name: string | undefined;
  readonly symlinkTarget: string | undefined;
}

function field(signature: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + data.length);
  bytes.set(textEncoder.encode(signature));
  bytes[2] = bytes.length;
  bytes[3] = 1;
  bytes.set(data, 4);
  return bytes;
}

/** First field of the root's own record: says that SUSP is in use, nothing is skipped. */
export function spField(): Uint8Array {
  return field('SP', Uint8Array.of(0xbe, 0xef, 0));
}

/** Names the extension in use. Too long for a directory record: belongs into a continuation area. */
export function erField(): Uint8Array {
  const id = textEncoder.encode('RRIP_1991A');
  const description = textEncoder.encode(
    'THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS',
  );
  const source = textEncoder.encode('SEE IEEE P1282');
  const head = Uint8Array.of(id.length, description.length, source.length, 1);
  return field('ER', concatBytes([head, id, description, source]));
}

/** Points to the continuation of a record's fields: `lba`, byte offset in it, length in bytes. */
export function ceField(lba: number, offset: number, lengthBytes: number): Uint8Array {
  const data = new Uint8Array(24);
  putBoth32(data, 0, lba);
  putBoth32(data, 8, offset);
  putBoth32(data, 16, lengthBytes);
  return field('CE', data);
}

function pxField(attributes: RockRidgeAttributes): Uint8Array {
  const data = new Uint8Array(32);
  putBoth32(data, 0, attributes.mode);
  putBoth32(data, 8, attributes.linkCount);
  // Owner and group stay 0: root.
  return field('PX', data);
}

function tfField(mtimeSeconds: number): Uint8Array {
  const date = recordDate(mtimeSeconds);
  const modifyAccessAttributes = 0x02 | 0x04 | 0x08;
  return field('TF', concatBytes([Uint8Array.of(modifyAccessAttributes), date, date, date]));
}

function nmField(name: string): Uint8Array {
  const bytes = textEncoder.encode(name);
  if (bytes.length > NAME_BYTES_MAX) {
    throw layoutError(`file name is longer than ${NAME_BYTES_MAX} bytes: ${name}`);
  }
  return field('NM', concatBytes([Uint8Array.of(0), bytes]));
}

function slComponent(part: string): Uint8Array {
  if (part === '.') {
    return Uint8Array.of(0x02, 0);
  }
  if (part === '..') {
    return Uint8Array.of(0x04, 0);
  }
  const bytes = textEncoder.encode(part);
  return concatBytes([Uint8Array.of(0, bytes.length), bytes]);
}

function slField(target: string): Uint8Array {
  const root = target.startsWith('/') ? [Uint8Array.of(0x08, 0)] : [];
  const parts = target.split('/').filter((part) => part !== '');
  const data = concatBytes([Uint8Array.of(0), ...root, ...parts.map(slComponent)]);
  if (data.length > NAME_BYTES_MAX + 1) {
    throw layoutError(`target of a symbolic link is longer than ${NAME_BYTES_MAX} bytes: ${target}`);
  }
  return field('SL', data);
}

/**
 * Fields of one directory entry in the order in which they are written.
 * Throws MachineError for a name or link target that does not fit one field.
 */
export function rockRidgeFields(attributes: RockRidgeAttributes): Uint8Array[] {
  const { name, symlinkTarget } = attributes;
  const present =
    RR_ATTRIBUTES |
    RR_TIMES |
    (name === undefined ? 0 : RR_NAME) |
    (symlinkTarget === undefined ? 0 : RR_SYMLINK);
  const fields = [field('RR', Uint8Array.of(present))];
  if (name !== undefined) {
    fields.push(nmField(name));
  }
  fields.push(pxField(attributes), tfField(attributes.mtimeSeconds));
  if (symlinkTarget !== undefined) {
    fields.push(slField(symlinkTarget));
  }
  return fields;
}

export interface FittedFields {
  readonly inRecord: Uint8Array;
  /** Empty when everything fits; otherwise the record needs a CE field besides `inRecord`. */
  readonly continued: Uint8Array;
}

/** Divides fields between the directory record, which has `roomBytes` for them, and a continuation area. */
export function fitFields(fields: readonly Uint8Array[], roomBytes: number): FittedFields {
  const all = concatBytes(fields);
  if (all.length <= roomBytes) {
    return { inRecord: all, continued: new Uint8Array(0) };
  }
  let used = 0;
  let count = 0;
  for (const part of fields) {
    if (used + part.length + CE_FIELD_BYTES > roomBytes) {
      break;
    }
    used += part.length;
    count += 1;
  }
  return { inRecord: concatBytes(fields.slice(0, count)), continued: concatBytes(fields.slice(count)) };
}
