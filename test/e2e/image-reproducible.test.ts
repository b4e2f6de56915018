import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { packageRoot } from '../../iso/build/package-root.ts';
import { chooseMirrors } from '../../iso/build/mirror.ts';
import { defaultPackageCache } from '../../iso/build/package-store.ts';
import { defaultLockFile } from '../../iso/lock-image.ts';
import { readLock } from '../../iso/build/lock.ts';

const run = promisify(execFile);
const buildTimeoutMs = 240_000;

/** True when the real packages can be had: they are in the cache, or a mirror is known. */
async function packagesAtHand(): Promise<boolean> {
  try {
    await chooseMirrors({});
    return true;
  } catch {
    const { lock } = await readLock(defaultLockFile('amd64'));
    const cached = new Set(await readdir(defaultPackageCache()).catch(() => []));
    return lock.packages.every((one) => cached.has(path.posix.basename(one.filename)));
  }
}

interface Surroundings {
  readonly folder: string;
  readonly umask: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly guestFilesDir: string;
}

/** Builds the real image in a process of its own, with a time zone, umask, locale and folders of its own. */
async function build(surroundings: Surroundings): Promise<string> {
  const outputDir = path.join(surroundings.folder, 'image');
  const { guestFilesDir } = surroundings;
  const options = JSON.stringify({
    architecture: 'amd64',
    outputDir,
    guestFilesDir,
    brotliQuality: null,
    rootfsTar: true,
  });
  const module = pathToFileURL(path.join(packageRoot, 'dist', 'iso', 'build-image.js')).href;
  const script = `import(${JSON.stringify(module)}).then((m) => m.buildImage(${options}))`;
  await run('sh', ['-c', `umask ${surroundings.umask}; exec "$0" "$@"`, process.execPath, '-e', script], {
    cwd: surroundings.folder,
    env: { ...process.env, ...surroundings.environment },
    timeout: buildTimeoutMs,
  });
  return outputDir;
}

/** A copy of the guest's files whose modes are as a careless checkout or an unpacked archive leaves them. */
async function carelessCopy(folder: string, mode: number): Promise<string> {
  const copy = path.join(folder, 'guest');
  await cp(path.join(packageRoot, 'iso', 'rootfs'), path.join(copy, 'rootfs'), { recursive: true });
  await cp(path.join(packageRoot, 'iso', 'initramfs'), path.join(copy, 'initramfs'), { recursive: true });
  for (const name of await readdir(copy, { recursive: true })) {
    const file = path.join(copy, name);
    if ((await stat(file)).isFile()) {
      await chmod(file, mode);
    }
  }
  return copy;
}

async function sums(folder: string): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    result[name] = createHash('sha256')
      .update(await readFile(path.join(folder, name)))
      .digest('hex');
  }
  return result;
}

test('the image is the same in every time zone, locale, umask and folder', async (t) => {
  if (process.platform === 'win32' || !(await packagesAtHand())) {
    t.log('skipped: needs a POSIX shell, and the Debian packages in the cache or a mirror');
    t.pass();
    return;
  }
  t.timeout(2 * buildTimeoutMs);
  const base = await mkdtemp(path.join(tmpdir(), 'tsmachine-reproducible-'));
  t.teardown(() => rm(base, { recursive: true, force: true }));
  const first = await mkdtemp(path.join(base, 'first-'));
  const second = await mkdtemp(path.join(base, 'another folder é-'));
  const one = await build({
    folder: first,
    umask: '022',
    environment: { TZ: 'UTC', LC_ALL: 'C' },
    guestFilesDir: await carelessCopy(first, 0o644),
  });
  const expected = await sums(one);
  await rm(one, { recursive: true });
  const other = await build({
    folder: second,
    umask: '077',
    environment: {
      TZ: 'Pacific/Chatham',
      LC_ALL: 'tr_TR.UTF-8',
      LANG: 'tr_TR.UTF-8',
      SOURCE_DATE_EPOCH: '1',
    },
    guestFilesDir: await carelessCopy(second, 0o777),
  });
  t.deepEqual(await sums(other), expected);
  t.true(Object.keys(expected).includes('manifest.json'));
});
