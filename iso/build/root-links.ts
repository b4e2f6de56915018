import { MachineError } from '../../src/core/errors.ts';
import { busyboxApplets, initramfsApplets } from '../applets.ts';
import {
  certificateBundle,
  emptyDirectories,
  initramfsDirectories,
  rootLinks,
  runtimeTargets,
} from '../root-tree.ts';
import type { FileTree } from './file-tree.ts';

/** Adds the links of iso/root-tree.ts, the links to busybox, and the empty directories. */
export function addRootLinks(tree: FileTree): void {
  for (const [path, target] of Object.entries(rootLinks)) {
    tree.link(path, target);
  }
  for (const folder of ['bin', 'sbin'] as const) {
    for (const name of busyboxApplets[folder].split(' ')) {
      const taken = tree.has(`usr/bin/${name}`) || tree.has(`usr/sbin/${name}`);
      if (!taken) {
        tree.link(`usr/${folder}/${name}`, folder === 'bin' ? 'busybox' : '../bin/busybox');
      }
    }
  }
  for (const [path, mode] of Object.entries(emptyDirectories)) {
    tree.directory(path, { mode });
  }
}

/** Adds what the initramfs holds besides its modules and init: busybox with its links, and mount points. */
export function addInitramfsBase(tree: FileTree, busybox: Uint8Array): void {
  tree.file('bin/busybox', busybox, { mode: 0o755 });
  for (const folder of ['bin', 'sbin'] as const) {
    for (const name of initramfsApplets[folder].split(' ')) {
      tree.link(`${folder}/${name}`, folder === 'bin' ? 'busybox' : '../bin/busybox');
    }
  }
  for (const path of initramfsDirectories) {
    tree.directory(path);
  }
}

/** Joins the certificates of the authorities into the one file that programs read. */
export function joinCertificates(tree: FileTree): void {
  const single = tree
    .sorted()
    .filter((entry) => entry.kind === 'file' && entry.path.startsWith(certificateBundle.from));
  const texts: string[] = [];
  for (const entry of single) {
    if (entry.kind === 'file') {
      texts.push(`${Buffer.from(entry.data).toString('latin1').trimEnd()}\n`);
    }
    tree.delete(entry.path);
  }
  // The folders that held them are empty now.
  let folder = certificateBundle.from.replace(/\/$/, '');
  while (folder !== '' && !tree.sorted().some((entry) => entry.path.startsWith(`${folder}/`))) {
    tree.delete(folder);
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')));
  }
  tree.file(certificateBundle.path, Buffer.from(texts.join(''), 'latin1'), {
    owner: single[0]?.owner ?? 'tsmachine',
  });
}

/** Throws `image-build-failed` when a link of the tree leads nowhere, except to what exists at run time only. */
export function checkLinks(tree: FileTree): void {
  const dangling = tree
    .sorted()
    .filter((entry) => entry.kind === 'symlink')
    .filter((entry) => tree.resolve(entry.path) === undefined && !isRuntimeTarget(entry.path, entry.target))
    .map((entry) => `${entry.path} -> ${entry.target}`);
  if (dangling.length > 0) {
    throw new MachineError('image-build-failed', 'Links of the image lead nowhere', {
      why: dangling.slice(0, 10).join('; '),
      remedies: ['Mend the lists in iso/packages.ts and iso/root-tree.ts.'],
    });
  }
}

function isRuntimeTarget(path: string, target: string): boolean {
  const base = `file:///${path}`;
  return runtimeTargets.includes(decodeURIComponent(new URL(target, base).pathname).slice(1));
}
