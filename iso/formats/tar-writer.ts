import { blockBytes } from './tar-header.ts';
import { contentOf, type TreeEntry } from './entry.ts';

const typeFlags = { file: '0', directory: '5', symlink: '2' } as const;
/** tar(1) fills its last record of 20 blocks; readers expect at least two empty blocks. */
const recordBytes = 20 * blockBytes;

/**
 * Writes a tar archive of the GNU form, chunk by chunk. `entries` come in the order in which they are
 * stored, directories before what is in them. All times are `timeSeconds`; owners are numbers only, so
 * that no user name of this computer appears.
 */
export function* writeTar(
  entries: Iterable<TreeEntry>,
  timeSeconds: number,
): Generator<Uint8Array, void, undefined> {
  let written = 0;
  for (const entry of entries) {
    for (const chunk of entryChunks(entry, timeSeconds)) {
      written += chunk.length;
      yield chunk;
    }
  }
  const end = Math.ceil((written + 2 * blockBytes) / recordBytes) * recordBytes;
  yield Buffer.alloc(end - written);
}

function* entryChunks(entry: TreeEntry, timeSeconds: number): Generator<Uint8Array, void, undefined> {
  const name = entry.kind === 'directory' ? `${entry.path}/` : entry.path;
  const target = entry.kind === 'symlink' ? entry.target : '';
  if (Buffer.byteLength(target) > 100) {
    yield* longName('K', target);
  }
  if (Buffer.byteLength(name) > 100) {
    yield* longName('L', name);
  }
  const data = entry.kind === 'file' ? contentOf(entry) : new Uint8Array(0);
  const { mode, uid, gid } = entry;
  yield header({ name, target, mode, uid, gid, timeSeconds, size: data.length, type: typeFlags[entry.kind] });
  if (data.length > 0) {
    yield data;
    yield padding(data.length);
  }
}

function* longName(type: 'K' | 'L', text: string): Generator<Uint8Array, void, undefined> {
  const data = Buffer.from(`${text}\0`);
  const fixed = { mode: 0o644, uid: 0, gid: 0, timeSeconds: 0 };
  yield header({ name: '././@LongLink', target: '', size: data.length, type, ...fixed });
  yield data;
  yield padding(data.length);
}

function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

interface HeaderFields {
  readonly name: string;
  readonly target: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly timeSeconds: number;
  readonly type: string;
}

function header(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(blockBytes);
  Buffer.from(fields.name).copy(block, 0, 0, 100);
  const numbers: readonly (readonly [value: number, start: number, digits: number])[] = [
    [fields.mode, 100, 7],
    [fields.uid, 108, 7],
    [fields.gid, 116, 7],
    [fields.size, 124, 11],
    [fields.timeSeconds, 136, 11],
  ];
  for (const [value, start, digits] of numbers) {
    block.write(value.toString(8).padStart(digits, '0'), start, 'latin1');
  }
  block.write(fields.type, 156, 'latin1');
  Buffer.from(fields.target).copy(block, 157, 0, 100);
  block.write('ustar  \0', 257, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
