import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { constants, createBrotliCompress } from 'node:zlib';
import { systemCode } from '../../src/core/errors.ts';
import type { ImageFile } from '../../src/image/manifest.ts';

const readChunkBytes = 1 << 20;
const writeBatchBytes = 1 << 22;
/** The window reaches over the whole image, which holds several programs with the same libraries inside. */
const brotliWindowBits = 28;

/**
 * Makes a directory of files in one go: `fill` writes into a temporary sibling, which takes the place of
 * `directory` when all is complete. When `fill` throws or the process ends, what was there stays.
 */
export async function replaceDirectory<Result>(
  directory: string,
  fill: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const target = path.resolve(directory);
  const temporary = `${target}.${process.pid}.partial`;
  const old = `${target}.${process.pid}.old`;
  await mkdir(path.dirname(target), { recursive: true });
  await dropLeftovers(target);
  await mkdir(temporary, { mode: 0o755 });
  try {
    const result = await fill(temporary);
    await moveAside(target, old);
    await rename(temporary, target);
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

async function moveAside(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') {
      throw error;
    }
  }
}

/** Removes what builds left behind that were killed, but not what a running one is making. */
async function dropLeftovers(target: string): Promise<void> {
  const base = path.basename(target);
  for (const name of await readdir(path.dirname(target))) {
    const pid = name.startsWith(`${base}.`)
      ? /^(\d+)\.(?:partial|old)$/.exec(name.slice(base.length + 1))?.[1]
      : undefined;
    if (pid !== undefined && (Number(pid) === process.pid || !isRunning(Number(pid)))) {
      await rm(path.join(path.dirname(target), name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Writes a file from chunks and says what it became. Small chunks are written together. */
export async function writeImageFile(
  directory: string,
  name: string,
  chunks: Iterable<Uint8Array>,
): Promise<ImageFile> {
  const hash = createHash('sha256');
  const handle = await open(path.join(directory, name), 'wx', 0o644);
  let size = 0;
  try {
    let batch: Uint8Array[] = [];
    let batchBytes = 0;
    for (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      batch.push(chunk);
      batchBytes += chunk.length;
      if (batchBytes >= writeBatchBytes) {
        await writeAll(handle, batch);
        batch = [];
        batchBytes = 0;
      }
    }
    await writeAll(handle, batch);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { name, size, sha256: hash.digest('hex') };
}

/** Says what a file of an image is that was written by somebody else. */
export async function describeImageFile(directory: string, name: string): Promise<ImageFile> {
  const hash = createHash('sha256');
  let size = 0;
  const source = createReadStream(path.join(directory, name), { highWaterMark: readChunkBytes });
  for await (const chunk of source as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { name, size, sha256: hash.digest('hex') };
}

async function writeAll(
  handle: Awaited<ReturnType<typeof open>>,
  batch: readonly Uint8Array[],
): Promise<void> {
  for (const chunk of batch.length > 1 ? [Buffer.concat(batch)] : batch) {
    for (let offset = 0; offset < chunk.length;) {
      offset += (await handle.write(chunk, offset, chunk.length - offset)).bytesWritten;
    }
  }
}

/**
 * Adds the form in which a file is sent: brotli with a large window, which a reader has to allow with
 * BROTLI_DECODER_PARAM_LARGE_WINDOW. `quality` is 0 to 11; 5 takes seconds, 9 minutes.
 */
export async function addTransportForm(
  directory: string,
  file: ImageFile,
  quality: number,
): Promise<ImageFile> {
  const name = `${file.name}.br`;
  const compressor = createBrotliCompress({
    chunkSize: readChunkBytes,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
      [constants.BROTLI_PARAM_LGWIN]: brotliWindowBits,
      [constants.BROTLI_PARAM_SIZE_HINT]: Math.min(file.size, 0x7fffffff),
    },
  });
  const hash = createHash('sha256');
  let size = 0;
  const handle = await open(path.join(directory, name), 'wx', 0o644);
  const source = createReadStream(path.join(directory, file.name), { highWaterMark: readChunkBytes });
  source.on('error', (error) => compressor.destroy(error));
  try {
    for await (const chunk of source.pipe(compressor) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      await writeAll(handle, [chunk]);
    }
    await handle.sync();
  } finally {
    source.destroy();
    await handle.close();
  }
  return { ...file, compressed: { name, encoding: 'br', size, sha256: hash.digest('hex') } };
}
