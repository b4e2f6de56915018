/** A small reader of FAT12 and FAT16, written apart from the writer. */

export interface ReadFat {
  readonly isFat16: boolean;
  readonly label: string;
  readonly serial: number;
  readonly files: ReadonlyMap<string, Buffer>;
  /** Date and time fields of every entry. */
  readonly times: readonly (readonly [number, number])[];
}

export function readFat(image: Buffer): ReadFat {
  const sector = image.readUInt16LE(11);
  const clusterBytes = image.readUInt8(13) * sector;
  const fatStart = image.readUInt16LE(14) * sector;
  const fatBytes = image.readUInt16LE(22) * sector;
  const copies = image.readUInt8(16);
  const rootStart = fatStart + copies * fatBytes;
  const rootBytes = image.readUInt16LE(17) * 32;
  const dataStart = rootStart + rootBytes;
  const totalSectors = image.readUInt16LE(19) === 0 ? image.readUInt32LE(32) : image.readUInt16LE(19);
  const clusters = Math.floor((totalSectors * sector - dataStart) / clusterBytes);
  const isFat16 = clusters >= 4085;
  for (let copy = 1; copy < copies; copy += 1) {
    if (
      !image.subarray(fatStart, fatStart + fatBytes).equals(image.subarray(rootStart - fatBytes, rootStart))
    ) {
      throw new Error('the copies of the table differ');
    }
  }
  const next = (cluster: number): number => {
    if (isFat16) {
      return image.readUInt16LE(fatStart + cluster * 2);
    }
    const pair = image.readUInt16LE(fatStart + cluster + (cluster >> 1));
    const value = cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
    return value >= 0xff8 ? value | 0xf000 : value;
  };
  const chain = (first: number): Buffer => {
    const parts: Buffer[] = [];
    for (let cluster = first; cluster >= 2 && cluster < 0xfff8; cluster = next(cluster)) {
      const at = dataStart + (cluster - 2) * clusterBytes;
      parts.push(image.subarray(at, at + clusterBytes));
    }
    return Buffer.concat(parts);
  };
  const files = new Map<string, Buffer>();
  const times: (readonly [number, number])[] = [];
  let label = '';
  const walk = (prefix: string, directory: Buffer): void => {
    for (let at = 0; at < directory.length && directory[at] !== 0; at += 32) {
      const attribute = directory.readUInt8(at + 11);
      const base = directory.toString('latin1', at, at + 8).trimEnd();
      const extension = directory.toString('latin1', at + 8, at + 11).trimEnd();
      times.push([directory.readUInt16LE(at + 24), directory.readUInt16LE(at + 22)]);
      if (attribute === 8) {
        label = directory.toString('latin1', at, at + 11).trimEnd();
        continue;
      }
      if (base === '.' || base === '..') {
        continue;
      }
      const name = `${prefix}${base}${extension === '' ? '' : `.${extension}`}`;
      const data = chain(directory.readUInt16LE(at + 26));
      if (attribute === 16) {
        walk(`${name}/`, data);
      } else {
        files.set(name, data.subarray(0, directory.readUInt32LE(at + 28)));
      }
    }
  };
  walk('', image.subarray(rootStart, dataStart));
  return { isFat16, label, serial: image.readUInt32LE(39), files, times };
}
