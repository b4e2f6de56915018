import { MachineError, messageOf, systemCode } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { Host } from '../host/types.ts';
import { joinPath } from '../store/paths.ts';
import { pathsOf } from './image-name.ts';
import { bootFiles, kernelFileName, unpackedKernelFileName, type ImageFile } from './manifest.ts';
import { manifestFileName, readImageDirectory, type ImageSource } from './sources.ts';

const label = 'Preparing the machine image';

/** Where an image is to be, and whom to tell. */
export interface FillOptions {
  /** Gets its name when everything in it is right. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** One filling, with how far it is. */
interface Fill extends FillOptions {
  readonly host: Host;
  readonly source: ImageSource;
  /** Where the files are until all are there. A killed process leaves it behind; the next one removes it. */
  readonly partial: string;
  readonly totalBytes: number;
  doneBytes: number;
}

/**
 * Brings the files that a machine boots from an image directory into a directory of the cache. The caller holds
 * the lock of the cache.
 * @throws MachineError `image-invalid` that names the file, `store-write-failed`.
 */
export async function fillImage(host: Host, source: ImageSource, options: FillOptions): Promise<void> {
  const files = bootFiles(source.manifest);
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  const partial = `${options.directory}.partial`;
  const fill: Fill = { ...options, host, source, partial, totalBytes, doneBytes: 0 };
  await host.files.remove(partial);
  await host.files.makeDirectory(partial, 0o700);
  try {
    await requireSpace(host, partial, totalBytes);
    for (const file of files) {
      options.signal.throwIfAborted();
      tell(fill, 0);
      await bringFile(fill, file);
      fill.doneBytes += file.size;
    }
    await bringManifest(fill);
    await host.files.remove(options.directory);
    await host.files.rename(partial, options.directory);
    tell(fill, 0);
  } catch (error) {
    // The reason is what has to be told; the next filling removes what stays behind.
    await host.files.remove(partial).catch(() => undefined);
    throw error;
  }
}

/** Refuses to begin what the disk has no room for. */
async function requireSpace(host: Host, directory: string, neededBytes: number): Promise<void> {
  const freeBytes = await host.files.freeBytes(directory);
  // Some network file systems always say 0.
  if (freeBytes > 0 && freeBytes < neededBytes) {
    throw new MachineError('store-write-failed', 'The disk has no room for the machine image.', {
      why: `It needs ${Math.ceil(neededBytes / 1024 ** 2)} MiB in ${directory}, and ${Math.floor(freeBytes / 1024 ** 2)} MiB are free.`,
      facts: { path: directory, neededBytes, freeBytes, systemCode: 'ENOSPC' },
    });
  }
}

async function bringFile(fill: Fill, file: ImageFile): Promise<void> {
  const { host, source, partial, signal } = fill;
  const raw = joinPath(source.directory, file.name);
  const to = joinPath(partial, file.name);
  if ((await host.files.stat(raw)) !== undefined) {
    await host.files.copy(raw, to, 0o400);
    await requireContent(host, to, file, raw);
  } else if (file.compressed !== undefined) {
    const packed = joinPath(source.directory, file.compressed.name);
    await requireContent(host, packed, file.compressed);
    const onProgress = (doneBytes: number): void => {
      tell(fill, doneBytes);
    };
    await host.files.unpackBrotli(packed, to, {
      sizeMaxBytes: file.size,
      mode: 0o400,
      signal,
      onProgress,
    });
    await requireContent(host, to, file, packed);
  } else if (file.name === unpackedKernelFileName) {
    // It is never sent: it is five times as large as the compressed kernel that it comes from.
    const { extractVmlinux } = await import('./bzimage.ts');
    const kernelPath = joinPath(partial, kernelFileName);
    const kernel = await asReader(kernelPath, async () => host.files.readBytes(kernelPath));
    const from = joinPath(source.directory, kernelFileName);
    await host.files.writeNew(to, extractVmlinux(kernel, from, { hashIsKnown: true }), 0o400);
    await requireContent(host, to, file, `What ${from} unpacks to`);
  } else {
    throw missing(raw);
  }
}

async function bringManifest({ host, source, partial }: Fill): Promise<void> {
  await host.files.copy(
    joinPath(source.directory, manifestFileName),
    joinPath(partial, manifestFileName),
    0o400,
  );
  const { manifest } = await readImageDirectory(host, partial, 'cache');
  if (manifest.digest !== source.manifest.digest) {
    throw new MachineError('image-invalid', `The image in ${source.directory} changed while it was read.`, {
      remedies: ['Run the command again when nothing writes there any more.'],
    });
  }
}

/**
 * Takes a file of an image directory as it is, checked against the manifest. The copy has its name when it is right.
 * @throws MachineError `image-invalid` that names the file, `store-write-failed`.
 */
export async function takeFile(
  host: Host,
  file: ImageFile,
  place: { readonly from: string; readonly to: string },
): Promise<void> {
  const partial = `${place.to}.partial`;
  await host.files.remove(partial);
  try {
    await requireSpace(host, pathsOf(host).dirname(place.to), file.size);
    await host.files.copy(place.from, partial, 0o400);
    await requireContent(host, partial, file, place.from);
    await host.files.rename(partial, place.to);
  } finally {
    await host.files.remove(partial);
  }
}

async function requireContent(
  host: Host,
  path: string,
  expected: { readonly size: number; readonly sha256: string },
  shownAs: string = path,
): Promise<void> {
  const stat = await host.files.stat(path);
  if (stat === undefined) {
    throw missing(shownAs);
  }
  if (stat.kind === 'file' && stat.sizeBytes !== expected.size) {
    throw notDescribed(shownAs, `it has ${stat.sizeBytes} bytes, the manifest says ${expected.size}`);
  }
  const actual = await asReader(path, async () => host.files.sha256(path));
  if (actual !== expected.sha256) {
    throw notDescribed(shownAs, `its SHA-256 is ${actual}, the manifest says ${expected.sha256}`);
  }
}

async function asReader<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new MachineError('image-invalid', `${path} cannot be read.`, {
      why: messageOf(cause),
      cause,
      facts: { path, systemCode: systemCode(cause) },
    });
  }
}

function missing(path: string): MachineError {
  return new MachineError('image-invalid', `${path} is missing, which the image's manifest lists.`);
}

function notDescribed(shownAs: string, why: string): MachineError {
  return new MachineError(
    'image-invalid',
    `${shownAs} is not the file that the image's manifest describes.`,
    {
      why,
    },
  );
}

function tell(fill: Fill, currentBytes: number): void {
  const done = fill.doneBytes + currentBytes;
  fill.emit({ type: 'progress', label, done, total: fill.totalBytes });
}
