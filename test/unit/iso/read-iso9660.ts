/**
 * A small reader of ISO 9660 with Rock Ridge, written from the standards and apart from the writer, so that a
 * mistake in one is not repeated in the other.
 */

export interface ReadNode {
  readonly mode: number;
  readonly linkCount: number;
  readonly lba: number;
  readonly data: Buffer;
  readonly target: string | undefined;
  /** The plain ISO 9660 identifier. */
  readonly identifier: string;
}

export interface ReadIso {
  readonly volumeId: string;
  readonly volumeSectors: number;
  readonly nodes: ReadonlyMap<string, ReadNode>;
  /** Directories as the path table lists them: identifier, extent, number of the parent. */
  readonly pathTable: readonly {
    readonly identifier: string;
    readonly lba: number;
    readonly parent: number;
  }[];
  /** Extents of the directories by their paths. */
  readonly directoryLbas: ReadonlyMap<string, number>;
}

const sector = 2048;

function both(image: Buffer, at: number): number {
  const little = image.readUInt32LE(at);
  if (little !== image.readUInt32BE(at + 4)) {
    throw new Error(`the two byte orders at ${at} differ`);
  }
  return little;
}

interface SystemUse {
  name: string;
  mode: number;
  linkCount: number;
  target: string[];
  isSymlink: boolean;
}

function readTarget(body: Buffer, use: SystemUse): void {
  use.isSymlink = true;
  for (let at = 1; at < body.length; at += 2 + body.readUInt8(at + 1)) {
    const flags = body.readUInt8(at);
    const text = body.toString('utf8', at + 2, at + 2 + body.readUInt8(at + 1));
    use.target.push(flags === 8 ? '' : flags === 4 ? '..' : flags === 2 ? '.' : text);
  }
}

function readSystemUse(image: Buffer, area: Buffer, use: SystemUse): void {
  for (let at = 0; at + 4 <= area.length && area[at] !== 0;) {
    const length = area.readUInt8(at + 2);
    const body = area.subarray(at + 4, at + length);
    switch (area.toString('latin1', at, at + 2)) {
      case 'NM':
        use.name += body.toString('utf8', 1);
        break;
      case 'PX':
        use.mode = both(body, 0);
        use.linkCount = both(body, 8);
        break;
      case 'SL':
        readTarget(body, use);
        break;
      case 'CE': {
        const start = both(body, 0) * sector + both(body, 8);
        if (both(body, 8) + both(body, 16) > sector) {
          throw new Error('a continuation leaves its sector');
        }
        readSystemUse(image, image.subarray(start, start + both(body, 16)), use);
        break;
      }
    }
    at += length;
  }
}

function readPathTable(image: Buffer): ReadIso['pathTable'] {
  const start = image.readUInt32LE(16 * sector + 140) * sector;
  const mirror = image.readUInt32BE(16 * sector + 148) * sector;
  const end = start + both(image, 16 * sector + 132);
  const table: { identifier: string; lba: number; parent: number }[] = [];
  for (let at = start; at < end;) {
    const length = image.readUInt8(at);
    const lba = image.readUInt32LE(at + 2);
    if (lba !== image.readUInt32BE(mirror + at - start + 2)) {
      throw new Error('the two path tables differ');
    }
    const identifier = image.toString('latin1', at + 8, at + 8 + length);
    table.push({ identifier, lba, parent: image.readUInt16LE(at + 6) });
    at += 8 + length + (length % 2);
  }
  return table;
}

export function readIso9660(image: Buffer): ReadIso {
  const nodes = new Map<string, ReadNode>();
  const directoryLbas = new Map<string, number>();
  const walk = (path: string, lba: number, sizeBytes: number): void => {
    directoryLbas.set(path, lba);
    for (let at = lba * sector; at < lba * sector + sizeBytes;) {
      const length = image.readUInt8(at);
      if (length === 0) {
        at = Math.ceil((at + 1) / sector) * sector;
        continue;
      }
      const record = image.subarray(at, at + length);
      at += length;
      const idLength = record.readUInt8(32);
      const identifier = record.toString('latin1', 33, 33 + idLength);
      const use: SystemUse = { name: '', mode: 0, linkCount: 0, target: [], isSymlink: false };
      readSystemUse(image, record.subarray(33 + idLength + (idLength % 2 === 0 ? 1 : 0)), use);
      if (identifier === '\0' || identifier === '\x01') {
        continue;
      }
      const extent = both(record, 2);
      const size = both(record, 10);
      const data = image.subarray(extent * sector, extent * sector + size);
      const isDirectory = (record.readUInt8(25) & 2) !== 0;
      const { mode, linkCount } = use;
      const target = use.isSymlink ? use.target.join('/') : undefined;
      nodes.set(`${path}/${use.name}`, {
        mode,
        linkCount,
        lba: extent,
        data: isDirectory ? Buffer.alloc(0) : data,
        target,
        identifier,
      });
      if (isDirectory) {
        walk(`${path}/${use.name}`, extent, size);
      }
    }
  };
  const descriptor = 16 * sector;
  walk('', both(image, descriptor + 156 + 2), both(image, descriptor + 156 + 10));
  return {
    volumeId: image.toString('latin1', descriptor + 40, descriptor + 72).trimEnd(),
    volumeSectors: both(image, descriptor + 80),
    nodes,
    pathTable: readPathTable(image),
    directoryLbas,
  };
}
