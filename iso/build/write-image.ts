import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Emit } from '../../src/core/events.ts';
import {
  formatManifest,
  imageDigest,
  type ImageFile,
  type ImageManifest,
  type ImagePackage,
  type ImageTreeEntry,
} from '../../src/image/manifest.ts';
import { makeImageIso } from '../bootable/image-iso.ts';
import type { BootLoaders } from '../bootable/loader-packages.ts';
import { extractVmlinux } from '../../src/image/bzimage.ts';
import { compareBytes, contentOf, type TreeEntry } from '../formats/entry.ts';
import { writeErofs } from '../formats/erofs.ts';
import { writeNewc } from '../formats/newc.ts';
import { writeTar } from '../formats/tar-writer.ts';
import type { FileTree } from './file-tree.ts';
import type { ImageId } from './image-id.ts';
import type { KernelPackage } from './kernel-package.ts';
import type { Lock } from './lock.ts';
import { addTransportForm, describeImageFile, writeImageFile } from './output.ts';
import type { StoredPackage } from './package-store.ts';
import type { Copyrights } from './root-packages.ts';
import { cycloneDx } from './sbom.ts';

/** What goes into an image, complete and checked, before it is written. */
export interface ImageContent {
  readonly lock: Lock;
  readonly lockSha256: string;
  readonly id: ImageId;
  readonly kernel: Pick<KernelPackage, 'release' | 'image'>;
  readonly root: FileTree;
  readonly initramfs: FileTree;
  readonly packages: readonly StoredPackage[];
  readonly copyrights: Copyrights;
  /** For the ISO; without them there is none. */
  readonly loaders: BootLoaders | undefined;
}

/** Where and how an image is written. */
export interface WriteImageOptions {
  /** Empty. */
  readonly directory: string;
  /** Null for no compressed forms. */
  readonly brotliQuality: number | null;
  readonly rootfsTar: boolean;
  readonly emit: Emit;
}

/** Writes all files of an image and, last, its manifest, which it returns. */
export async function writeImage(content: ImageContent, options: WriteImageOptions): Promise<ImageManifest> {
  const { directory, emit } = options;
  const epoch = content.lock.sourceDateEpoch;
  const root = content.root.sorted();
  const files: ImageFile[] = [];
  const add = async (name: string, chunks: Iterable<Uint8Array>): Promise<void> => {
    emit({ type: 'note', message: `Writing ${name}` });
    files.push(await writeImageFile(directory, name, chunks));
  };

  await add('vmlinuz', [content.kernel.image]);
  if (content.lock.architecture === 'amd64') {
    await add('vmlinux', [extractVmlinux(content.kernel.image, 'vmlinuz')]);
  }
  // Not compressed: the kernel unpacks it without work, and every zlib would compress it differently.
  await add('initrd', writeNewc(content.initramfs.sorted()));
  const volume = { uuid: content.id.uuid, timeSeconds: epoch, volumeName: 'tsmachine' };
  await add('root.erofs', writeErofs(root, volume));
  if (options.rootfsTar) {
    await add('rootfs.tar', writeTar(root, epoch));
  }
  await add('licences.tar', writeTar(licenceEntries(content.copyrights), epoch));

  const head = manifestHead(content, imageDigest(files));
  await add('sbom.cdx.json', [Buffer.from(await cycloneDx(head, content.id.uuid))]);
  const { brotliQuality } = options;
  if (brotliQuality !== null) {
    for (const name of compressedNames[content.lock.architecture]) {
      emit({ type: 'note', message: `Compressing ${name}` });
      const index = files.findIndex((file) => file.name === name);
      const file = files[index];
      if (file !== undefined) {
        files[index] = await addTransportForm(directory, file, brotliQuality);
      }
    }
  }
  const tree = manifestTree(content.root);
  if (content.loaders !== undefined) {
    // The ISO is made from a finished image; then the image has one file more.
    await writeManifest(directory, { ...head, files, tree });
    files.push(await writeIso(directory, content.loaders, emit));
  }
  const manifest: ImageManifest = { ...head, files, tree };
  await writeManifest(directory, manifest);
  return manifest;
}

async function writeManifest(directory: string, manifest: ImageManifest): Promise<void> {
  await writeFile(path.join(directory, 'manifest.json'), formatManifest(manifest));
}

async function writeIso(directory: string, loaders: BootLoaders, emit: Emit): Promise<ImageFile> {
  const name = 'image.iso';
  const outputPath = path.join(directory, name);
  await makeImageIso({ imageDirectory: directory, loaders, outputPath, compressed: true, onEvent: emit });
  return describeImageFile(directory, name);
}

/**
 * The files that are worth compressing and are sent. On amd64 the kernel is compressed already, and
 * vmlinux is not sent but made from it.
 */
const compressedNames = {
  amd64: ['initrd', 'root.erofs'],
  arm64: ['vmlinuz', 'initrd', 'root.erofs'],
} as const;

function manifestHead(content: ImageContent, digest: string): Omit<ImageManifest, 'files' | 'tree'> {
  return {
    schema: 1,
    version: content.id.version,
    architecture: content.lock.architecture,
    sourceDateEpoch: content.lock.sourceDateEpoch,
    lockSha256: content.lockSha256,
    kernelRelease: content.kernel.release,
    engineVersion: content.id.engineVersion,
    digest,
    packages: content.packages.map(({ used, pinned, replaced }): ImagePackage => ({
      name: used.name,
      version: used.version,
      architecture: used.architecture,
      sha256: used.sha256,
      source: used.source,
      sourceVersion: used.sourceVersion,
      suite: used.archive,
      ...(replaced ? { replaced: pinned.version } : {}),
    })),
  };
}

function manifestTree(root: FileTree): readonly ImageTreeEntry[] {
  return root
    .sorted()
    .filter((entry) => entry.kind !== 'directory')
    .map((entry) => {
      const data = contentOf(entry);
      return {
        path: entry.path,
        mode: entry.mode.toString(8).padStart(4, '0'),
        size: data.length,
        sha256: createHash('sha256').update(data).digest('hex'),
        ...(entry.kind === 'symlink' ? { target: entry.target } : {}),
        package: entry.owner,
      };
    });
}

function licenceEntries(copyrights: Copyrights): readonly TreeEntry[] {
  const names = [...copyrights.keys()].sort(compareBytes);
  return names.flatMap((name): TreeEntry[] => [
    { kind: 'directory', path: name, mode: 0o755, uid: 0, gid: 0 },
    {
      kind: 'file',
      path: `${name}/copyright`,
      data: copyrights.get(name) ?? Buffer.alloc(0),
      mode: 0o644,
      uid: 0,
      gid: 0,
    },
  ]);
}
