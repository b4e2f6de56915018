import { constants, promises as fs, type Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { RawFile, RawFiles, RawOpen, RawStat } from './types.ts';

/** The real file system for a server of files. See RawFiles. */
export function createRawFiles(platform: NodeJS.Platform): RawFiles {
  const named = (path: Uint8Array): string | Buffer => {
    const bytes = Buffer.from(path.buffer, path.byteOffset, path.byteLength);
    return platform === 'win32' ? bytes.toString('utf8') : bytes;
  };
  return {
    lstat: async (path) => toStat(await fs.lstat(named(path))),
    realPath: async (path) => fs.realpath(named(path), { encoding: 'buffer' }),
    readLink: async (path) => fs.readlink(named(path), { encoding: 'buffer' }),
    list: async (path) => fs.readdir(named(path), { encoding: 'buffer' }),
    open: async (path, how) => rawFile(await fs.open(named(path), openFlags(how), how.mode), how.append),
    makeDirectory: async (path, mode) => {
      await fs.mkdir(named(path), { mode });
    },
    removeDirectory: async (path) => fs.rmdir(named(path)),
    removeFile: async (path) => fs.unlink(named(path)),
    rename: async (from, to) => fs.rename(named(from), named(to)),
    link: async (from, to) => fs.link(named(from), named(to)),
    symlink: async (target, path) => fs.symlink(named(target), named(path)),
    chmod: async (path, mode) => fs.chmod(named(path), mode),
    chown: async (path, uid, gid) => fs.lchown(named(path), uid, gid),
    setTimes: async (path, accessedS, modifiedS) => fs.utimes(named(path), accessedS, modifiedS),
    setLinkTimes: async (path, accessedS, modifiedS) => fs.lutimes(named(path), accessedS, modifiedS),
    space: async (path) => {
      const { bsize, blocks, bfree, bavail, files, ffree } = await fs.statfs(named(path));
      return {
        blockBytes: bsize,
        blocks,
        blocksFree: bfree,
        blocksAvailable: bavail,
        files,
        filesFree: ffree,
      };
    },
  };
}

/** Windows has neither of these: there, links and pipes are none of the files that a share shows. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;

function openFlags({ read, write, append, create, exclusive, truncate }: RawOpen): number {
  return (
    (write ? (read ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY) |
    (append ? constants.O_APPEND : 0) |
    (create ? constants.O_CREAT : 0) |
    (exclusive ? constants.O_EXCL : 0) |
    (truncate ? constants.O_TRUNC : 0) |
    O_NOFOLLOW |
    O_NONBLOCK
  );
}

function rawFile(file: FileHandle, isAppend: boolean): RawFile {
  return {
    read: async (target, offset) => {
      let done = 0;
      for (;;) {
        const { bytesRead } = await file.read(target, done, target.length - done, offset + done);
        done += bytesRead;
        if (bytesRead === 0 || done === target.length) {
          return done;
        }
      }
    },
    write: async (data, offset) => {
      for (let done = 0; done < data.length;) {
        const at = isAppend ? null : offset + done;
        done += (await file.write(data, done, data.length - done, at)).bytesWritten;
      }
    },
    stat: async () => toStat(await file.stat()),
    truncate: async (sizeBytes) => file.truncate(sizeBytes),
    chmod: async (mode) => file.chmod(mode),
    chown: async (uid, gid) => file.chown(uid, gid),
    setTimes: async (accessedS, modifiedS) => file.utimes(accessedS, modifiedS),
    sync: async () => file.sync(),
    close: async () => file.close(),
  };
}

function toStat(stats: Stats): RawStat {
  return {
    kind: stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'symlink'
          : 'other',
    sizeBytes: stats.size,
    mode: stats.mode,
    uid: stats.uid,
    gid: stats.gid,
    accessedS: Math.floor(stats.atimeMs / 1000),
    modifiedS: Math.floor(stats.mtimeMs / 1000),
  };
}
