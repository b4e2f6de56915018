import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { buildImage, type BuildImageOptions } from '../../../iso/build-image.ts';
import { renewLock } from '../../../iso/lock-image.ts';
import type { Architecture } from '../../../iso/packages.ts';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { ImageManifest } from '../../../src/image/manifest.ts';
import { TinyMirror } from './tiny-mirror.ts';
import { tinyPackages } from './tiny-packages.ts';

/** Test helper: a mirror with made-up packages, a lock of it, and folders to build in. */
export interface BuildBench {
  readonly mirror: TinyMirror;
  readonly folder: string;
  readonly lockFile: string;
  readonly cache: string;
  readonly output: string;
  readonly events: MachineEvent[];
  /** Builds with the bench's folders. */
  readonly build: (options?: Partial<BuildImageOptions>) => Promise<ImageManifest>;
  readonly lock: () => Promise<unknown>;
}

/** The time at which the bench locks: shortly after its archives were signed. */
export const benchNowMs = Date.UTC(2026, 8, 13);

export async function buildBench(
  t: ExecutionContext,
  architecture: Architecture = 'amd64',
): Promise<BuildBench> {
  const mirror = await TinyMirror.start();
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-image-'));
  t.teardown(async () => {
    await mirror.stop();
    await rm(folder, { recursive: true, force: true });
  });
  await mirror.publish('main', architecture, tinyPackages(architecture));
  await mirror.publish('security', architecture, []);
  const guestFilesDir = path.join(folder, 'guest');
  await writeTree(guestFilesDir, {
    'initramfs/init': '#!/bin/sh\necho stage 1\n',
    'rootfs/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    'rootfs/etc/shadow': 'root:*:1::::::\n',
    'rootfs/usr/lib/tsmachine/boot': '#!/bin/sh\necho stage 2\n',
  });
  const lockFile = path.join(folder, 'lock.json');
  const cache = path.join(folder, 'packages');
  const output = path.join(folder, 'out', architecture);
  const events: MachineEvent[] = [];
  // Kept, because a mirror that was stopped has no address any more.
  const mirrorOptions = mirror.options;
  const onEvent = (event: MachineEvent): void => void events.push(event);
  const lock = (): Promise<unknown> =>
    renewLock({ architecture, lockFile, nowMs: benchNowMs, onEvent, ...mirror.options });
  const build: BuildBench['build'] = (options = {}) =>
    buildImage({
      architecture,
      outputDir: output,
      packageCacheDir: cache,
      lockFile,
      guestFilesDir,
      brotliQuality: null,
      onEvent,
      ...mirrorOptions,
      ...options,
    });
  await lock();
  return { mirror, folder, lockFile, cache, output, events, build, lock };
}

/** Writes files with their folders. */
export async function writeTree(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const target = path.join(folder, name);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
  }
}

/** Every file of a folder with its bytes. */
export async function readFolder(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const names = (await readdir(folder)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(folder, name))] as const)),
  );
}

/** Changes one byte in the middle of a file. */
export async function changeByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  await writeFile(file, bytes);
}
