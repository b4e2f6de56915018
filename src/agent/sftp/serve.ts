import type { Readable, Writable } from 'node:stream';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { RawFile, RawOpen, RawStat } from '../../host/types.ts';
import {
  attributesField,
  bytesField,
  packet,
  PacketError,
  PacketReader,
  packetTypes,
  PacketSplitter,
  statusCodes,
  uint32,
  uint64,
} from './packets.ts';
import type { SharedTree } from './shared-tree.ts';

type Action = () => Promise<Buffer>;
/** Runs one action after the other. */
export type Turn = <T>(action: () => Promise<T>) => Promise<T>;

type Open =
  | { readonly kind: 'file'; readonly file: RawFile }
  | { readonly kind: 'directory'; readonly entries: { readonly name: Uint8Array; readonly stat: RawStat }[] };

const version = 3;
/** As OpenSSH's server offers them. */
const extensions = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['fstatvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
] as const;

const opensMax = 4096;
/** A client asks for at most so much at once, and is given no more. */
const readBytesMax = 128 * 1024;
const entriesAtOnce = 64;
/** `ST_RDONLY` of statvfs. */
const readOnlyFlag = 1;
const nameBytesMax = 255;

/** SSH_FXF_* of an open. */
const openFlags = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;

const statusOfCode: Readonly<Record<string, number>> = {
  ENOENT: statusCodes.noSuchFile,
  ENOTDIR: statusCodes.noSuchFile,
  EACCES: statusCodes.permissionDenied,
  EPERM: statusCodes.permissionDenied,
  EROFS: statusCodes.permissionDenied,
  ENOSYS: statusCodes.unsupported,
  EOPNOTSUPP: statusCodes.unsupported,
  ENOTSUP: statusCodes.unsupported,
};

/**
 * Serves a directory by SFTP version 3 until the client ends the stream, and closes then what is open. Requests are
 * answered in the order in which they come.
 * @param turn shared by all servers of a process, whose directories may lie in each other
 * @throws PacketError for what is no SFTP, and the stream's error.
 */
export async function serveSftp(
  tree: SharedTree,
  { input, output, turn }: { readonly input: Readable; readonly output: Writable; readonly turn: Turn },
): Promise<void> {
  const session = new SftpSession(tree);
  const splitter = new PacketSplitter();
  output.on('error', () => undefined);
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      for (const request of splitter.feed(chunk)) {
        const answer = await turn(async () => session.answer(request));
        if (!output.writable) {
          return;
        }
        if (!output.write(answer)) {
          await drained(output);
        }
      }
    }
  } finally {
    await turn(async () => session.close());
  }
}

async function drained(output: Writable): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      output.off('drain', done);
      output.off('close', done);
      resolve();
    };
    output.once('drain', done);
    output.once('close', done);
  });
}

/** The requests of one client. */
class SftpSession {
  readonly #tree: SharedTree;
  readonly #opens = new Map<number, Open>();
  #nextHandle = 1;

  constructor(tree: SharedTree) {
    this.#tree = tree;
  }

  /** What is answered to a request. @throws PacketError. */
  async answer(bytes: Buffer): Promise<Buffer> {
    const reader = new PacketReader(bytes);
    const type = reader.byte();
    if (type === packetTypes.init) {
      const offered = extensions.flatMap(([name, data]) => [bytesField(name), bytesField(data)]);
      return packet(packetTypes.version, uint32(version), ...offered);
    }
    const id = reader.uint32();
    try {
      return await this.#actionFor(type, id, reader)();
    } catch (error) {
      if (error instanceof PacketError) {
        throw error;
      }
      const code = statusOfCode[systemCode(error) ?? ''] ?? statusCodes.failure;
      return status(id, code, messageOf(error));
    }
  }

  async close(): Promise<void> {
    for (const open of this.#opens.values()) {
      if (open.kind === 'file') {
        await open.file.close().catch(() => undefined);
      }
    }
    this.#opens.clear();
  }

  #actionFor(type: number, id: number, reader: PacketReader): Action {
    return (
      this.#pathAction(type, id, reader) ??
      this.#handleAction(type, id, reader) ??
      this.#other(type, id, reader)
    );
  }

  #pathAction(type: number, id: number, reader: PacketReader): Action | undefined {
    const tree = this.#tree;
    const done = (work: Promise<void>): Promise<Buffer> => work.then(() => status(id, statusCodes.ok));
    const told = (work: Promise<RawStat>): Promise<Buffer> =>
      work.then((stat) => packet(packetTypes.attrs, uint32(id), attributesField(stat)));
    const named = (work: Promise<Uint8Array>): Promise<Buffer> =>
      work.then((name) =>
        packet(packetTypes.name, uint32(id), uint32(1), bytesField(name), bytesField(name), uint32(0)),
      );
    switch (type) {
      case packetTypes.lstat:
        return async () => told(tree.lstat(reader.bytes()));
      case packetTypes.stat:
        return async () => told(tree.stat(reader.bytes()));
      case packetTypes.setstat:
        return async () => done(tree.change(reader.bytes(), reader.attributes()));
      case packetTypes.remove:
        return async () => done(tree.removeFile(reader.bytes()));
      case packetTypes.rmdir:
        return async () => done(tree.removeDirectory(reader.bytes()));
      case packetTypes.mkdir:
        return async () => done(tree.makeDirectory(reader.bytes(), reader.attributes().mode ?? 0o777));
      case packetTypes.rename:
        return async () => done(tree.rename(reader.bytes(), reader.bytes(), { replaces: false }));
      case packetTypes.readlink:
        return async () => named(tree.readLink(reader.bytes()));
      case packetTypes.realpath:
        return async () => named(Promise.resolve(tree.normalize(reader.bytes())));
      case packetTypes.symlink:
        // OpenSSH has the two the other way round than the draft, and everybody does as OpenSSH.
        return async () => done(tree.symlink(reader.bytes(), reader.bytes()));
      default:
        return undefined;
    }
  }

  #handleAction(type: number, id: number, reader: PacketReader): Action | undefined {
    switch (type) {
      case packetTypes.open:
        return async () => this.#open(id, reader);
      case packetTypes.opendir:
        return async () => {
          this.#requireRoom();
          return this.#add(id, { kind: 'directory', entries: await this.#tree.list(reader.bytes()) });
        };
      case packetTypes.close:
        return async () => this.#close(id, handleOf(reader));
      case packetTypes.read:
        return async () => this.#read(id, reader);
      case packetTypes.write:
        return async () => this.#write(id, reader);
      case packetTypes.readdir:
        return async () => Promise.resolve(this.#readDirectory(id, handleOf(reader)));
      case packetTypes.fstat:
        return async () => {
          const { file } = this.#file(handleOf(reader));
          return packet(packetTypes.attrs, uint32(id), attributesField(await file.stat()));
        };
      case packetTypes.fsetstat:
        return async () => {
          const { file } = this.#file(handleOf(reader));
          await this.#tree.changeOpen(file, reader.attributes());
          return status(id, statusCodes.ok);
        };
      default:
        return undefined;
    }
  }

  #other(type: number, id: number, reader: PacketReader): Action {
    const name = type === packetTypes.extended ? reader.text() : '';
    const done = async (work: Promise<void>): Promise<Buffer> => {
      await work;
      return status(id, statusCodes.ok);
    };
    switch (name) {
      case 'posix-rename@openssh.com':
        return async () => done(this.#tree.rename(reader.bytes(), reader.bytes(), { replaces: true }));
      case 'hardlink@openssh.com':
        return async () => done(this.#tree.link(reader.bytes(), reader.bytes()));
      case 'fsync@openssh.com':
        return async () => done(this.#file(handleOf(reader)).file.sync());
      case 'statvfs@openssh.com':
      case 'fstatvfs@openssh.com':
        return async () => this.#space(id);
      default:
        return async () =>
          Promise.resolve(
            status(id, statusCodes.unsupported, `request ${String(type)} ${name} is not known`),
          );
    }
  }

  async #open(id: number, reader: PacketReader): Promise<Buffer> {
    this.#requireRoom();
    const path = reader.bytes();
    const flags = reader.uint32();
    const has = (flag: number): boolean => (flags & flag) !== 0;
    const how: RawOpen = {
      read: has(openFlags.read),
      write: has(openFlags.write) || has(openFlags.append),
      append: has(openFlags.append),
      create: has(openFlags.create),
      exclusive: has(openFlags.exclusive),
      truncate: has(openFlags.truncate),
      mode: reader.attributes().mode ?? 0o666,
    };
    const file = await this.#tree.open(path, how);
    return this.#add(id, { kind: 'file', file });
  }

  async #close(id: number, handle: number): Promise<Buffer> {
    const open = this.#opens.get(handle);
    if (open === undefined) {
      return status(id, statusCodes.failure, 'no such handle');
    }
    this.#opens.delete(handle);
    if (open.kind === 'file') {
      await open.file.close();
    }
    return status(id, statusCodes.ok);
  }

  async #read(id: number, reader: PacketReader): Promise<Buffer> {
    const { file } = this.#file(handleOf(reader));
    const offset = reader.uint64();
    const target = Buffer.allocUnsafe(Math.min(reader.uint32(), readBytesMax));
    const length = await file.read(target, offset);
    return length === 0
      ? status(id, statusCodes.endOfFile, 'end of file')
      : packet(packetTypes.data, uint32(id), bytesField(target.subarray(0, length)));
  }

  async #write(id: number, reader: PacketReader): Promise<Buffer> {
    const { file } = this.#file(handleOf(reader));
    const offset = reader.uint64();
    await file.write(reader.bytes(), offset);
    return status(id, statusCodes.ok);
  }

  #readDirectory(id: number, handle: number): Buffer {
    const open = this.#opens.get(handle);
    if (open?.kind !== 'directory') {
      return status(id, statusCodes.failure, 'no such handle');
    }
    const some = open.entries.splice(0, entriesAtOnce);
    if (some.length === 0) {
      return status(id, statusCodes.endOfFile, 'no more names');
    }
    const fields = some.flatMap(({ name, stat }) => [
      bytesField(name),
      bytesField(name),
      attributesField(stat),
    ]);
    return packet(packetTypes.name, uint32(id), uint32(some.length), ...fields);
  }

  async #space(id: number): Promise<Buffer> {
    const space = await this.#tree.space();
    const numbers = [
      ...[space.blockBytes, space.blockBytes, space.blocks, space.blocksFree, space.blocksAvailable],
      ...[space.files, space.filesFree, space.filesFree, 0],
      ...[this.#tree.isReadOnly ? readOnlyFlag : 0, nameBytesMax],
    ];
    return packet(packetTypes.extendedReply, uint32(id), ...numbers.map(uint64));
  }

  #requireRoom(): void {
    if (this.#opens.size >= opensMax) {
      throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    }
  }

  #add(id: number, open: Open): Buffer {
    const handle = this.#nextHandle;
    this.#nextHandle = handle === 0xffff_ffff ? 1 : handle + 1;
    this.#opens.set(handle, open);
    return packet(packetTypes.handle, uint32(id), bytesField(uint32(handle)));
  }

  #file(handle: number): Extract<Open, { kind: 'file' }> {
    const open = this.#opens.get(handle);
    if (open?.kind !== 'file') {
      throw Object.assign(new Error('no such handle'), { code: 'EBADF' });
    }
    return open;
  }
}

function handleOf(reader: PacketReader): number {
  const bytes = reader.bytes();
  return bytes.length === 4 ? bytes.readUInt32BE(0) : 0;
}

function status(id: number, code: number, message = ''): Buffer {
  return packet(packetTypes.status, uint32(id), uint32(code), bytesField(message), bytesField(''));
}

/** A queue in which actions take turns. */
export function createTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return async (action) => {
    const mine = last.then(action);
    last = mine.catch(() => undefined);
    return mine;
  };
}
