import path from 'node:path';
import type { Emit } from '../src/core/events.ts';
import type { ImageManifest } from '../src/image/manifest.ts';
import { loaderSelectionsFor } from './bootable/loader-packages.ts';
import { readLoaders } from './bootable/read-loaders.ts';
import { readTrustedKeys, type TrustedKeys } from './build/archive-keys.ts';
import { checkElfClosure } from './build/elf-closure.ts';
import { FileTree } from './build/file-tree.ts';
import { addGuestFiles, readInit } from './build/guest-files.ts';
import { imageId, osRelease } from './build/image-id.ts';
import { readKernelPackage, type KernelPackage } from './build/kernel-package.ts';
import { readLock, type Lock, type LockedPackage } from './build/lock.ts';
import { chooseMirrors, type MirrorOptions, type Mirrors } from './build/mirror.ts';
import { addModules } from './build/module-tree.ts';
import { replaceDirectory } from './build/output.ts';
import { packageRoot } from './build/package-root.ts';
import {
  defaultPackageCache,
  fetchPackages,
  readPackage,
  type StoredPackage,
} from './build/package-store.ts';
import { addInitramfsBase, addRootLinks, checkLinks, joinCertificates } from './build/root-links.ts';
import { unpackPackages, type Copyrights } from './build/root-packages.ts';
import { writeImage, type ImageContent } from './build/write-image.ts';
import { defaultLockFile } from './lock-image.ts';
import { selectionsFor, type Architecture } from './packages.ts';
import { guestModes } from './rootfs-modes.ts';

/** How an image is built. */
export interface BuildImageOptions extends MirrorOptions {
  readonly architecture: Architecture;
  /** Becomes the image: replaced as a whole when the build is complete, untouched when it fails. */
  readonly outputDir: string;
  /** Where packages are kept between builds; default: `tsmachine/packages` in the user's cache folder. */
  readonly packageCacheDir?: string;
  /** Refuse, instead of replacing, a package whose pinned version has left the mirror. */
  readonly locked?: boolean;
  /** 0 to 11 for the compressed form of the files; null makes none. Default 5. */
  readonly brotliQuality?: number | null;
  /** Also write the root file system as rootfs.tar, for WSL. Default false. */
  readonly rootfsTar?: boolean;
  /** Also write image.iso, for hypervisors that boot from a CD. Takes about two minutes. Default false. */
  readonly iso?: boolean;
  readonly onEvent?: Emit;
  /** Default: the lock file of the architecture that comes with tsmachine. */
  readonly lockFile?: string;
  /** The folder that holds `rootfs` and `initramfs/init`; default: iso/ of the package. */
  readonly guestFilesDir?: string;
  /** Default: Debian's keys. */
  readonly keys?: TrustedKeys;
}

/**
 * Builds the image of one architecture from the packages that its lock pins and the files of iso/, and
 * returns its manifest. Needs no root rights and runs nothing of the guest; the same input gives the
 * same bytes. Throws `image-build-failed`, `checksum-mismatch`, `signature-invalid` or `download-failed`.
 */
export async function buildImage(options: BuildImageOptions): Promise<ImageManifest> {
  const emit = options.onEvent ?? (() => undefined);
  const content = await collectContent(options, emit);
  return replaceDirectory(options.outputDir, (directory) =>
    writeImage(content, {
      directory,
      brotliQuality: options.brotliQuality === undefined ? 5 : options.brotliQuality,
      rootfsTar: options.rootfsTar ?? false,
      emit,
    }),
  );
}

async function collectContent(options: BuildImageOptions, emit: Emit): Promise<ImageContent> {
  const { architecture } = options;
  const guestFiles = options.guestFilesDir ?? path.join(packageRoot, 'iso');
  const init = await readInit(path.join(guestFiles, 'initramfs', 'init'));
  const { lock, sha256: lockSha256 } = await readLock(options.lockFile ?? defaultLockFile(architecture));
  const loaderNames = new Set(loaderSelectionsFor(architecture).map(({ name }) => name));
  const isLoader = ({ name }: LockedPackage): boolean => loaderNames.has(name);
  const packages = await fetchPackages({
    lock: { ...lock, packages: lock.packages.filter((one) => options.iso === true || !isLoader(one)) },
    // Asked for only when something has to be loaded: a full package cache needs no mirror.
    mirrors: memoized(() => chooseMirrors(options)),
    keys: options.keys ?? (await readTrustedKeys()),
    directory: options.packageCacheDir ?? defaultPackageCache(),
    locked: options.locked ?? false,
    onEvent: emit,
  });
  // The loaders are in the ISO alone: what machines boot is the same with and without it.
  const id = imageId(
    { sha256: lockSha256, sourceDateEpoch: lock.sourceDateEpoch },
    packages.map((one) => one.used).filter((one) => !isLoader(one)),
  );

  emit({ type: 'note', message: 'Unpacking the kernel' });
  const root = new FileTree();
  const initramfs = new FileTree();
  const copyrights: Copyrights = new Map();
  const loaders = options.iso === true ? await readLoaders(architecture, packages, copyrights) : undefined;
  const kernel = await unpackKernel({ architecture, lock, packages, root, initramfs, copyrights });

  emit({ type: 'note', message: 'Unpacking the packages' });
  const selections = selectionsFor(architecture).flatMap((selection) => {
    const stored = packages.find((one) => one.pinned.name === selection.name);
    return stored === undefined ? [] : [{ stored, selection }];
  });
  await unpackPackages(selections, architecture, root, copyrights);
  joinCertificates(root);
  addRootLinks(root);
  root.file('etc/os-release', Buffer.from(osRelease(id)));
  await addGuestFiles(root, path.join(guestFiles, 'rootfs'), guestModes);

  const busybox = root.get('usr/bin/busybox');
  addInitramfsBase(initramfs, busybox?.kind === 'file' ? busybox.data : new Uint8Array(0));
  initramfs.file('init', init, { mode: 0o755 });
  for (const tree of [root, initramfs]) {
    checkLinks(tree);
    checkElfClosure(tree, architecture);
  }
  return { lock, lockSha256, id, kernel, root, initramfs, packages, copyrights, loaders };
}

async function unpackKernel(context: {
  readonly architecture: Architecture;
  readonly lock: Lock;
  readonly packages: readonly StoredPackage[];
  readonly root: FileTree;
  readonly initramfs: FileTree;
  readonly copyrights: Copyrights;
}): Promise<Pick<KernelPackage, 'release' | 'image'>> {
  const { architecture, lock, root, initramfs } = context;
  const [stored] = context.packages.filter((one) => one.pinned.name === lock.kernel.package);
  if (stored === undefined) {
    throw new Error(`the lock names ${lock.kernel.package} as its kernel and does not list it`);
  }
  const kernel = await readKernelPackage(await readPackage(stored), stored.file);
  await addModules(kernel, { architecture, owner: stored.used.name, root, initramfs });
  context.copyrights.set(stored.used.name, kernel.copyright);
  // The four thousand packed modules are not needed any more.
  return { release: kernel.release, image: kernel.image };
}

function memoized(choose: () => Promise<Mirrors>): () => Promise<Mirrors> {
  let chosen: Promise<Mirrors> | undefined;
  return () => (chosen ??= choose());
}
