import { inputError } from './input-error.ts';
import { blockBytes, decodeName, readTarHeader, type TarHeader } from './tar-header.ts';

/** One selected member of a tar archive. Owners are not read: the image has its own. */
export type TarMember =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Buffer }
  | { readonly kind: 'directory'; readonly path: string; readonly mode: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly mode: number; readonly target: string };

/** How a tar archive is read. */
export interface TarReadOptions {
  /** Names the archive in errors. */
  readonly file: string;
  /** Decides by path and kind; what is not selected is skipped without being kept in memory. */
  readonly select: (path: string, kind: TarMember['kind']) => boolean;
}

const fileMaxBytes = 1 << 29;
const nameMaxBytes = 1 << 14;

/**
 * Reads a tar archive as it arrives and yields the selected members in their order. Understands files,
 * directories, symbolic links and GNU's long names; refuses every other type (hard links, devices, pax
 * headers: Debian's packages for the image have none), absolute paths and `..`.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  options: TarReadOptions,
): AsyncGenerator<TarMember, void, undefined> {
  const source = new ByteSource(chunks, options.file);
  let longName: string | undefined;
  let longTarget: string | undefined;
  for (;;) {
    const header = readTarHeader(await source.take(blockBytes), options.file);
    if (header === undefined) {
      await source.drain();
      return;
    }
    if (header.type === 'L' || header.type === 'K') {
      const name = await readLongName(source, header, options.file);
      if (header.type === 'L') {
        longName = name;
      } else {
        longTarget = name;
      }
      continue;
    }
    const path = safePath(longName ?? header.name, options.file);
    const target = longTarget ?? header.linkTarget;
    longName = undefined;
    longTarget = undefined;
    const kind = kindOf(header, path, options.file);
    const paddedBytes = Math.ceil(header.sizeBytes / blockBytes) * blockBytes;
    if (path === '' || !options.select(path, kind)) {
      await source.skip(paddedBytes);
      continue;
    }
    if (kind === 'file') {
      if (header.sizeBytes > fileMaxBytes) {
        throw inputError(options.file, `${path} in it is larger than ${fileMaxBytes} bytes.`);
      }
      const data = await source.take(header.sizeBytes);
      await source.skip(paddedBytes - header.sizeBytes);
      yield { kind, path, mode: header.mode, data };
    } else {
      await source.skip(paddedBytes);
      yield kind === 'symlink'
        ? { kind, path, mode: header.mode, target }
        : { kind, path, mode: header.mode };
    }
  }
}

async function readLongName(source: ByteSource, header: TarHeader, file: string): Promise<string> {
  if (header.sizeBytes > nameMaxBytes) {
    throw inputError(file, `A file name in it is longer than ${nameMaxBytes} bytes.`);
  }
  const data = await source.take(Math.ceil(header.sizeBytes / blockBytes) * blockBytes);
  return decodeName(data.subarray(0, header.sizeBytes), file);
}

function kindOf(header: TarHeader, path: string, file: string): TarMember['kind'] {
  switch (header.type) {
    case '0':
    case '\0':
      return 'file';
    case '5':
      return 'directory';
    case '2':
      return 'symlink';
    default:
      throw inputError(
        file,
        `${JSON.stringify(path)} in it is of the tar type ${JSON.stringify(header.type)}.`,
      );
  }
}

/** The path without `./` in front and `/` behind; refuses what could lead out of the tree. */
export function safePath(name: string, file: string): string {
  const path = name.replace(/^(?:\.\/+)+/, '').replace(/\/+$/, '');
  if (path === '' || path === '.') {
    return '';
  }
  const hostile = path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..');
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for.
  if (hostile || /[\\\u0000-\u001f\u007f]/.test(path)) {
    throw inputError(file, `It has a member with the name ${JSON.stringify(name)}, which is not allowed.`);
  }
  return path;
}

/** Takes exact numbers of bytes from chunks of any size. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #file: string;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>, file: string) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#file = file;
  }

  /** The next `count` bytes, in a buffer of their own. */
  async take(count: number): Promise<Buffer> {
    const result = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      const piece = await this.#piece(count - filled);
      result.set(piece, filled);
      filled += piece.length;
    }
    return result;
  }

  async skip(count: number): Promise<void> {
    let left = count;
    while (left > 0) {
      left -= (await this.#piece(left)).length;
    }
  }

  /** Reads to the end, so that the decompressor checks its sums and is released. */
  async drain(): Promise<void> {
    this.#rest = new Uint8Array(0);
    while ((await this.#chunks.next()).done !== true);
  }

  async #piece(atMost: number): Promise<Uint8Array> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) {
        throw inputError(this.#file, 'The tar archive in it is cut off.');
      }
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, atMost);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }
}
