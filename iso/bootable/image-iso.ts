import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Emit } from '../../src/core/events.ts';
import { parseManifest } from '../../src/image/manifest.ts';
import { assembleIso, type AssembledIso } from './assemble-iso.ts';
import { isoVolumeId } from './boot-config.ts';
import { compressInitrd, compressRoot } from './iso-parts.ts';
import type { BootLoaders } from './loader-packages.ts';

export interface ImageIsoOptions {
  /** A finished image: manifest.json, vmlinuz, initrd and root.erofs. */
  readonly imageDirectory: string;
  readonly loaders: BootLoaders;
  readonly outputPath: string;
  /**
   * True makes the root file system a squashfs: an ISO of about 90 instead of 280 MB, to be sent. It takes about
   * 100 seconds of one processor. False takes it as it is, in a second or two: for use on this computer.
   */
  readonly compressed: boolean;
  readonly onEvent?: Emit;
}

/**
 * Makes the bootable ISO of a finished image. The same image and loaders give the same bytes.
 * Throws `image-invalid` for a directory without a sound manifest, `image-build-failed` for damaged parts.
 */
export async function makeImageIso(options: ImageIsoOptions): Promise<AssembledIso> {
  const { imageDirectory, loaders, outputPath } = options;
  const emit = options.onEvent ?? (() => undefined);
  const manifest = parseManifest(await readFile(path.join(imageDirectory, 'manifest.json'), 'utf8'));
  const { architecture, sourceDateEpoch, digest } = manifest;
  const erofsPath = path.join(imageDirectory, 'root.erofs');
  const plainInitrdPath = path.join(imageDirectory, 'initrd');
  const assemble = (parts: { rootPath: string; initrdPath: string }): Promise<AssembledIso> =>
    assembleIso({
      architecture,
      vmlinuzPath: path.join(imageDirectory, 'vmlinuz'),
      ...parts,
      loaders,
      volumeId: isoVolumeId(manifest.engineVersion),
      sourceDateEpoch,
      idSeed: digest,
      outputPath,
    });
  if (!options.compressed) {
    emit({ type: 'note', message: 'Writing the ISO with the root file system as it is, not compressed' });
    return assemble({ rootPath: erofsPath, initrdPath: plainInitrdPath });
  }
  const rootPath = `${outputPath}.root.sqfs`;
  const initrdPath = `${outputPath}.initrd.zst`;
  try {
    emit({ type: 'note', message: 'Compressing the root file system for the ISO' });
    await compressRoot({ erofsPath, outputPath: rootPath, sourceDateEpoch, emit });
    await compressInitrd(plainInitrdPath, initrdPath);
    emit({ type: 'note', message: 'Writing the ISO' });
    return await assemble({ rootPath, initrdPath });
  } finally {
    await rm(rootPath, { force: true });
    await rm(initrdPath, { force: true });
  }
}
