/**
 * Writes a small root file system to stdout, as a tar for `docker import -`: busybox out of the Debian package
 * that the image's lock pins. For trying a machine where no registry can be reached.
 *
 * Usage: node dist/scripts/demo-image.js [amd64 | arm64]   (default: the architecture of this computer)
 */
import { chooseMirrors } from '../iso/build/mirror.ts';
import { readTrustedKeys } from '../iso/build/archive-keys.ts';
import { readDeb } from '../iso/build/deb.ts';
import { readLock } from '../iso/build/lock.ts';
import { defaultPackageCache, fetchPackages, readPackage } from '../iso/build/package-store.ts';
import { busyboxApplets } from '../iso/applets.ts';
import type { TreeEntry } from '../iso/formats/entry.ts';
import { writeTar } from '../iso/formats/tar-writer.ts';
import { defaultLockFile } from '../iso/lock-image.ts';

const architecture = process.argv[2] ?? (process.arch === 'arm64' ? 'arm64' : 'amd64');
if (architecture !== 'amd64' && architecture !== 'arm64') {
  throw new Error(`there is no image for ${architecture}: say amd64 or arm64`);
}
const { lock } = await readLock(defaultLockFile(architecture));
const [stored] = await fetchPackages({
  lock: { ...lock, packages: lock.packages.filter(({ name }) => name === 'busybox-static') },
  mirrors: () => chooseMirrors({}),
  keys: await readTrustedKeys(),
  directory: defaultPackageCache(),
  locked: false,
  onEvent: () => undefined,
});
if (stored === undefined) {
  throw new Error('the lock of the image does not list busybox-static');
}

const owner = { uid: 0, gid: 0 };
const entries: TreeEntry[] = ['bin', 'etc', 'root', 'tmp', 'usr', 'var'].map((path) => ({
  kind: 'directory',
  path,
  mode: path === 'tmp' ? 0o1777 : 0o755,
  ...owner,
}));
const wanted = 'usr/bin/busybox';
for await (const member of readDeb(await readPackage(stored), stored.file, (path) => path === wanted)) {
  if (member.kind === 'file') {
    entries.push({ kind: 'file', path: 'bin/busybox', mode: 0o755, data: member.data, ...owner });
  }
}
for (const name of Object.values(busyboxApplets).join(' ').split(' ')) {
  if (name !== 'busybox') {
    entries.push({ kind: 'symlink', path: `bin/${name}`, mode: 0o777, target: 'busybox', ...owner });
  }
}
for (const chunk of writeTar(entries, lock.sourceDateEpoch)) {
  process.stdout.write(chunk);
}
