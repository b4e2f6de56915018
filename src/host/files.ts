import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  promises as fs,
  readFileSync,
  readSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MachineError, systemCode } from '../core/errors.ts';
import type { DirectoryEntry, Files, FileStat } from './types.ts';
import { asWriter } from './write-failure.ts';

/** How often a busy file is tried again on Windows, where virus scanners hold files open for a moment. */
export const BUSY_ATTEMPTS_MAX = 10;

const BUSY_PAUSE_MS = 20;
const HASH_CHUNK_BYTES = 1024 * 1024;
const TEMPORARY_NAMES_MAX = 1000;
const PERMISSION_BITS = 0o7777;

/**
 * What is read whole, or looked at, is small and near: a trip to libuv's threads costs ten times the call itself, and lists
 * read thousands of such files. A pipe in the place of a file must not hold the program up.
 */
const READ_FLAGS = constants.O_RDONLY | ((constants as Partial<typeof constants>).O_NONBLOCK ?? 0);

/** O_NOFOLLOW is unknown on Windows. */
const APPEND_FLAGS =
  constants.O_WRONLY | constants.O_APPEND | ((constants as Partial<typeof constants>).O_NOFOLLOW ?? 0);

let temporaryCount = 0;

/** The real file system. `platform` decides what directories and permissions can do. */
export function createFiles(platform: NodeJS.Platform): Files {
  const isWindows = platform === 'win32';
  const busy = { platform, sleep: pause };
  return {
    readText,
    readBytes: async (path) => fs.readFile(path),
    readRange,
    list: async (path) => (await fs.readdir(path, { withFileTypes: true })).map(toEntry),
    stat: statOf,
    realPath: async (path) => fs.realpath(path),
    writeAtomic: async (path, data, mode) =>
      asWriter('write', path, async () => {
        const temporary = await writeTemporary(path, data, mode);
        try {
          await retryBusy(async () => fs.rename(temporary, path), busy);
        } catch (error) {
          await fs.rm(temporary, { force: true }).catch(() => undefined);
          throw error;
        }
        await syncDirectory(dirname(path), isWindows);
      }),
    writeNew: async (path, data, mode) =>
      asWriter('create', path, async () => {
        await createFile(path, data, mode);
        await syncDirectory(dirname(path), isWindows);
      }),
    appendDurable: async (path, data) =>
      asWriter('append to', path, async () => appendDurable(path, data, isWindows)),
    append: async (path, data) => asWriter('append to', path, async () => append(path, data)),
    overwrite: async (path, offset, data) =>
      asWriter('write to', path, async () => overwrite(path, offset, data)),
    makeDirectory: async (path, mode) =>
      asWriter('make the directory', path, async () => makeDirectory(path, mode, isWindows)),
    rename: async (from, to) =>
      asWriter('rename to', to, async () => {
        await retryBusy(async () => fs.rename(from, to), busy);
        await syncDirectory(dirname(to), isWindows);
      }),
    link: async (from, to) => asWriter('link', to, async () => fs.link(from, to)),
    copy: async (from, to, mode) => asWriter('copy to', to, async () => copyFile(from, to, mode)),
    grow: async (path, sizeBytes) => asWriter('enlarge', path, async () => growFile(path, sizeBytes)),
    chmod: async (path, mode) => asWriter('change the mode of', path, async () => fs.chmod(path, mode)),
    remove: async (path) =>
      asWriter('remove', path, async () =>
        fs.rm(path, { recursive: true, force: true, maxRetries: isWindows ? BUSY_ATTEMPTS_MAX : 0 }),
      ),
    unpackBrotli: async (from, to, options) => (await import('./brotli.ts')).unpackBrotli(from, to, options),
    sha256: async (path) => {
      const { createHash } = await import('node:crypto');
      const hash = createHash('sha256');
      await readThrough(path, (piece) => {
        hash.update(piece);
      });
      return hash.digest('hex');
    },
    crc32: async (path) => {
      const { crc32 } = await import('node:zlib');
      let sum = 0;
      await readThrough(path, (piece) => {
        sum = crc32(piece, sum);
      });
      return sum;
    },
    freeBytes: async (path) => {
      const { bavail, bsize } = await fs.statfs(path);
      return bavail * bsize;
    },
  };
}

/**
 * Repeats an action while Windows says that the file is busy (EPERM, EBUSY, EACCES), with growing pauses.
 * Elsewhere the first error counts.
 */
export async function retryBusy<T>(
  action: () => Promise<T>,
  world: { readonly platform: NodeJS.Platform; readonly sleep: (ms: number) => Promise<void> },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      const isBusy = ['EPERM', 'EBUSY', 'EACCES'].includes(systemCode(error) ?? '');
      if (world.platform !== 'win32' || !isBusy || attempt >= BUSY_ATTEMPTS_MAX) {
        throw error;
      }
      await world.sleep(BUSY_PAUSE_MS * attempt);
    }
  }
}

/** Writes the data to a new file beside `path`, on the disk when this resolves. */
async function writeTemporary(path: string, data: string | Uint8Array, mode: number): Promise<string> {
  for (let attempt = 0; attempt < TEMPORARY_NAMES_MAX; attempt += 1) {
    temporaryCount += 1;
    const temporary = `${path}.tmp-${process.pid}-${temporaryCount}`;
    try {
      await createFile(temporary, data, mode);
      return temporary;
    } catch (error) {
      // A file, or a link that somebody planted, has this name: never touched, the next name is tried.
      if (systemCode(error) !== 'EEXIST') {
        throw error;
      }
    }
  }
  throw new MachineError('store-write-failed', `There is no free temporary name beside ${path}.`);
}

/** Creates, fills and fsyncs a file that must not exist. What was begun is removed after an error. */
async function createFile(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const file = await fs.open(path, 'wx', mode);
  try {
    // The mode that open() takes is cut by the umask.
    await file.chmod(mode);
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => undefined);
    await fs.rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
  await file.close();
}

async function overwrite(path: string, offset: number, data: Uint8Array): Promise<void> {
  const file = await fs.open(path, 'r+');
  try {
    await file.write(data, 0, data.length, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function appendDurable(path: string, data: string, isWindows: boolean): Promise<void> {
  const { file, isNew } = await openForAppend(path);
  try {
    const sizeBeforeBytes = (await file.stat()).size;
    try {
      await file.writeFile(data);
      await file.sync();
    } catch (error) {
      // Half a line would make the next reader fail; the former end is restored as far as the disk allows.
      await file.truncate(sizeBeforeBytes).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
  if (isNew) {
    await syncDirectory(dirname(path), isWindows);
  }
}

async function append(path: string, data: string): Promise<void> {
  const file = await fs.open(path, APPEND_FLAGS | constants.O_CREAT, 0o600);
  try {
    await file.write(data);
  } finally {
    await file.close();
  }
}

async function openForAppend(path: string): Promise<{ readonly file: FileHandle; readonly isNew: boolean }> {
  try {
    return { file: await fs.open(path, APPEND_FLAGS), isNew: false };
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw error;
    }
  }
  const file = await fs.open(path, APPEND_FLAGS | constants.O_CREAT | constants.O_EXCL, 0o600);
  await file.chmod(0o600);
  return { file, isNew: true };
}

async function makeDirectory(path: string, mode: number, isWindows: boolean): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode });
  if (first === undefined) {
    return;
  }
  // mkdir() cuts the mode by the umask; every directory that was made gets it in full.
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await fs.chmod(made, mode);
    if (made === dirname(made)) {
      break;
    }
  }
  await syncDirectory(dirname(first), isWindows);
}

async function copyFile(from: string, to: string, mode: number): Promise<void> {
  await fs.copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  try {
    await fs.chmod(to, mode | 0o200);
    const file = await fs.open(to, 'r+');
    try {
      await file.sync();
      await file.chmod(mode);
    } finally {
      await file.close();
    }
  } catch (error) {
    await fs.rm(to, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function growFile(path: string, sizeBytes: number): Promise<void> {
  const file = await fs.open(path, 'r+');
  try {
    if ((await file.stat()).size < sizeBytes) {
      await file.truncate(sizeBytes);
      await file.sync();
    }
  } finally {
    await file.close();
  }
}

/** Makes the names in a directory durable. Windows and some network file systems cannot. */
async function syncDirectory(path: string, isWindows: boolean): Promise<void> {
  if (isWindows) {
    return;
  }
  const directory = await fs.open(path, 'r');
  try {
    await directory.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'ENOSYS'].includes(systemCode(error) ?? '')) {
      throw error;
    }
  } finally {
    await directory.close();
  }
}

async function readText(path: string): Promise<string> {
  const file = openSync(path, READ_FLAGS);
  try {
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}

async function readRange(path: string, offset: number, lengthMaxBytes: number): Promise<Uint8Array> {
  const file = openSync(path, READ_FLAGS);
  try {
    const { size } = fstatSync(file);
    // Files of /proc and devices say 0; they are read up to the bound.
    const expectedBytes = size === 0 ? lengthMaxBytes : Math.max(0, size - offset);
    const bytes = new Uint8Array(Math.min(lengthMaxBytes, expectedBytes));
    let doneBytes = 0;
    while (doneBytes < bytes.length) {
      const bytesRead = readSync(file, bytes, doneBytes, bytes.length - doneBytes, offset + doneBytes);
      if (bytesRead === 0) {
        break;
      }
      doneBytes += bytesRead;
    }
    return bytes.subarray(0, doneBytes);
  } finally {
    closeSync(file);
  }
}

async function statOf(path: string): Promise<FileStat | undefined> {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return (
      stats && {
        kind: kindOf(stats),
        sizeBytes: stats.size,
        mode: stats.mode & PERMISSION_BITS,
        modifiedMs: stats.mtimeMs,
        uid: process.getuid === undefined ? -1 : stats.uid,
      }
    );
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
      return undefined;
    }
    throw error;
  }
}

/** Hands the content of a file over piece by piece. */
async function readThrough(path: string, take: (piece: Uint8Array) => void): Promise<void> {
  const file = await fs.open(path, 'r');
  try {
    const chunk = new Uint8Array(HASH_CHUNK_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) {
        return;
      }
      take(chunk.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function toEntry(entry: Dirent): DirectoryEntry {
  return { name: entry.name, kind: kindOf(entry) };
}

function kindOf(entry: Dirent | Stats): FileStat['kind'] {
  if (entry.isFile()) {
    return 'file';
  }
  if (entry.isDirectory()) {
    return 'directory';
  }
  return entry.isSymbolicLink() ? 'symlink' : 'other';
}

async function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
