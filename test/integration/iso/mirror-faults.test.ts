import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { benchNowMs, buildBench, changeByte } from './build-bench.ts';
import { poolPath } from './tiny-mirror.ts';
import { tinyKernel, tinyPackage, tinyPackages } from './tiny-packages.ts';
import { renewLock } from '../../../iso/lock-image.ts';

const runcPool = '/debian/pool/main/runc/runc_1.0-1_amd64.deb';

/** The same bytes with one changed in the middle. */
function changed(bytes: Buffer | undefined): Buffer {
  const copy = Buffer.from(bytes ?? []);
  const at = Math.floor(copy.length / 2);
  copy[at] = (copy[at] ?? 0) ^ 0x01;
  return copy;
}

test.serial('a changed byte in a package stops the build and names the file', async (t) => {
  const bench = await buildBench(t);
  bench.mirror.files.set(runcPool, changed(bench.mirror.files.get(runcPool)));
  const error = await t.throwsAsync(bench.build(), { code: 'checksum-mismatch' });
  t.true(error.message.includes(runcPool));
  t.false((await readdir(bench.cache)).some((name) => name.startsWith('runc_') || name.endsWith('.partial')));
});

test.serial('a changed byte in the package cache stops the build and names the file', async (t) => {
  const bench = await buildBench(t);
  await bench.build();
  for (const name of ['runc_1.0-1_amd64.deb', 'linux-image-6.12.117+deb13-amd64_6.12.117-1_amd64.deb']) {
    const file = path.join(bench.cache, name);
    const good = await readFile(file);
    await changeByte(file);
    const error = await t.throwsAsync(bench.build(), { code: 'checksum-mismatch' });
    t.true(error.message.includes(file));
    await writeFile(file, good);
  }
});

test.serial('a changed byte in the lock stops the build and names the file', async (t) => {
  const bench = await buildBench(t);
  await changeByte(bench.lockFile);
  const error = await t.throwsAsync(bench.build(), { code: 'checksum-mismatch' });
  t.true(error.message.includes(bench.lockFile));
});

test.serial('a changed byte in InRelease or Packages stops the renewal and names the file', async (t) => {
  const bench = await buildBench(t);
  const { files } = bench.mirror;
  const before = await readFile(bench.lockFile, 'utf8');
  for (const [name, code] of [
    ['InRelease', 'signature-invalid'],
    ['by-hash', 'checksum-mismatch'],
  ] as const) {
    const [where] = [...files.keys()].filter((one) => one.startsWith('/debian/dists') && one.includes(name));
    const good = files.get(where ?? '') ?? Buffer.alloc(0);
    files.set(where ?? '', changed(good));
    const error = await t.throwsAsync(bench.lock(), { code });
    t.true(error.message.includes(where ?? '-'), error.message);
    files.set(where ?? '', good);
  }
  t.is(await readFile(bench.lockFile, 'utf8'), before);
});

test.serial('a version that has left the mirror is replaced by the current one and marked', async (t) => {
  const bench = await buildBench(t);
  bench.mirror.files.delete(runcPool);
  await bench.mirror.publish('security', 'amd64', [tinyPackage('runc', '1.0-1+deb13u1', ['usr/sbin/runc'])]);
  const manifest = await bench.build();
  const runc = manifest.packages.find((one) => one.name === 'runc');
  t.is(runc?.version, '1.0-1+deb13u1');
  t.is(runc?.replaced, '1.0-1');
  t.is(runc?.suite, 'security');
  const warnings = bench.events.filter((event) => event.type === 'warn').map((event) => event.message);
  t.deepEqual(warnings, ['runc 1.0-1 has left the mirror; using runc 1.0-1+deb13u1']);
  t.is(manifest.packages.filter((one) => one.replaced !== undefined).length, 1);
});

test.serial('with --locked the same is refused', async (t) => {
  const bench = await buildBench(t);
  bench.mirror.files.delete(runcPool);
  await bench.mirror.publish('security', 'amd64', [tinyPackage('runc', '1.0-1+deb13u1', ['usr/sbin/runc'])]);
  const error = await t.throwsAsync(bench.build({ locked: true }), { code: 'image-build-failed' });
  t.regex(error.message, /runc 1\.0-1 has left the mirror/);
});

test.serial('a kernel that has left is followed to its successor under another name', async (t) => {
  const bench = await buildBench(t);
  const [old] = tinyKernel('6.12.117', 'amd64');
  bench.mirror.files.delete(`/debian/${poolPath(old ?? tinyPackage('', '', []), 'amd64')}`);
  await bench.mirror.publish('security', 'amd64', tinyKernel('6.12.120', 'amd64'));
  const manifest = await bench.build();
  t.is(manifest.kernelRelease, '6.12.120+deb13-amd64');
  const kernel = manifest.packages.find((one) => one.name === 'linux-image-6.12.120+deb13-amd64');
  t.is(kernel?.replaced, '6.12.117-1');
});

test.serial('a successor counts only when its archive is signed and not older than the lock', async (t) => {
  const bench = await buildBench(t);
  bench.mirror.files.delete(runcPool);
  const successor = [tinyPackage('runc', '1.1-1', ['usr/sbin/runc'])];
  await bench.mirror.publish('security', 'amd64', successor, { date: 'Sat, 05 Sep 2026 00:00:00 UTC' });
  await t.throwsAsync(bench.build(), { code: 'signature-invalid' });
  await bench.mirror.publish('security', 'amd64', successor);
  const inRelease = '/debian-security/dists/trixie-security/InRelease';
  bench.mirror.files.set(inRelease, changed(bench.mirror.files.get(inRelease)));
  await t.throwsAsync(bench.build(), { code: 'signature-invalid' });
});

test.serial('a package that is gone altogether is named', async (t) => {
  const bench = await buildBench(t);
  bench.mirror.files.delete(runcPool);
  const rest = tinyPackages('amd64').filter((one) => one.name !== 'runc');
  await bench.mirror.publish('main', 'amd64', rest);
  const error = await t.throwsAsync(bench.build(), { code: 'image-build-failed' });
  t.regex(error.message, /runc/);
});

test.serial('a lock is not renewed from an old, an expired or another release', async (t) => {
  const bench = await buildBench(t);
  const packages = tinyPackages('amd64');
  const cases = {
    'older than the lock': { date: 'Sat, 05 Sep 2026 00:00:00 UTC' },
    expired: { validUntil: 'Sat, 12 Sep 2026 12:00:00 UTC' },
    'another codename': { codename: 'bookworm' },
    'another suite': { suite: 'testing' },
    'another archive': { label: 'Debian Backports' },
  };
  const before = await readFile(bench.lockFile, 'utf8');
  for (const [name, release] of Object.entries(cases)) {
    await bench.mirror.publish('main', 'amd64', packages, release);
    // The release file of another codename is still served in the place of the one that was asked for.
    await t.throwsAsync(bench.lock(), { code: 'signature-invalid' }, name);
  }
  t.is(await readFile(bench.lockFile, 'utf8'), before);
});

test.serial(
  'the same state gives the same lock; a newer one the newest versions of both archives',
  async (t) => {
    const bench = await buildBench(t);
    const before = await readFile(bench.lockFile, 'utf8');
    await bench.lock();
    t.is(await readFile(bench.lockFile, 'utf8'), before);
    await bench.mirror.publish('security', 'amd64', [
      tinyPackage('runc', '0.9-1', ['usr/sbin/runc']),
      tinyPackage('socat', '1.0-1+deb13u1', ['usr/bin/socat1']),
    ]);
    const lock = await renewLock({
      architecture: 'amd64',
      lockFile: bench.lockFile,
      nowMs: benchNowMs,
      ...bench.mirror.options,
    });
    const pick = (name: string): unknown[] =>
      lock.packages.filter((one) => one.name === name).map((one) => [one.version, one.archive, one.source]);
    t.deepEqual(pick('runc'), [['1.0-1', 'main', 'src-runc']]);
    t.deepEqual(pick('socat'), [['1.0-1+deb13u1', 'security', 'src-socat']]);
  },
);

test.serial('a key of one archive cannot sign for the other', async (t) => {
  const bench = await buildBench(t);
  const { keys, ...rest } = bench.mirror.options;
  const swapped = { main: keys.security, security: keys.main };
  const options = { architecture: 'amd64', lockFile: bench.lockFile, nowMs: benchNowMs, ...rest } as const;
  await t.throwsAsync(renewLock({ ...options, keys: swapped }), { code: 'signature-invalid' });
});

test.serial('a download that is cut off is tried again; a refusal is not', async (t) => {
  const bench = await buildBench(t);
  let cuts = 0;
  bench.mirror.intercept = (name, socket) => {
    if (name !== runcPool || cuts > 0) {
      return false;
    }
    cuts += 1;
    socket.destroy();
    return true;
  };
  await bench.build();
  t.is(cuts, 1);
  t.is(bench.mirror.requests.filter((name) => name === runcPool).length, 2);
});

test.serial('a longer and a shorter file than expected are refused', async (t) => {
  const bench = await buildBench(t);
  const good = bench.mirror.files.get(runcPool) ?? Buffer.alloc(0);
  for (const bytes of [Buffer.concat([good, Buffer.from('x')]), good.subarray(0, -1), Buffer.alloc(0)]) {
    bench.mirror.files.set(runcPool, bytes);
    await t.throwsAsync(bench.build(), { code: 'checksum-mismatch' });
  }
});

test.serial('a package whose content changed its place stops the build', async (t) => {
  const bench = await buildBench(t);
  const packages = tinyPackages('amd64').filter((one) => one.name !== 'runc');
  await bench.mirror.publish('main', 'amd64', [...packages, tinyPackage('runc', '2.0-1', ['usr/bin/runc'])]);
  await bench.lock();
  const error = await t.throwsAsync(bench.build(), { code: 'image-build-failed' });
  t.regex(error.message, /runc/);
});
