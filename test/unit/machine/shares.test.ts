import test from 'ava';
import { loadDriver } from '../../../src/drivers/registry.ts';
import type { DriverManifest } from '../../../src/drivers/driver.ts';
import { chooseShares, guestShareList, sharesOf, type SharedDirectory } from '../../../src/machine/shares.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { openTestSession } from './support.ts';

async function manifestOf(driver: string): Promise<DriverManifest> {
  return (await loadDriver(driver, openTestSession())).manifest;
}

function hostAt(home: string, options: Parameters<typeof createFakeHost>[0] = {}): FakeHost {
  return createFakeHost({
    homeDirectory: home,
    currentDirectory: '/home/ann/work',
    ...options,
    tree: { '/home/ann/site/index.html': 'x', '/home/docker/x': 'x', '/data/file': 'x', ...options.tree },
  });
}

async function choose(
  asked: readonly string[] | undefined,
  { home = '/home/ann', driver = 'qemu' } = {},
): Promise<SharedDirectory[]> {
  return chooseShares(hostAt(home), await manifestOf(driver), asked);
}

test('the home directory is shared where nothing is asked for', async (t) => {
  const home = [{ path: '/home/ann', readOnly: false }];
  t.deepEqual(await choose(undefined), home);
  t.deepEqual(await choose([]), home);
  t.deepEqual(await choose(['']), home, 'an empty variable of the environment');
});

test('a home directory that cannot be shared is left out: none, the root, or one that the guest needs', async (t) => {
  for (const home of ['/', '/home/docker', '/home', '/usr/lib/jenkins', '/home/ann\n', '/data/file']) {
    t.deepEqual(await choose(undefined, { home }), [], home);
  }
  const gone = hostAt('/home/gone');
  await gone.files.remove('/home/gone');
  t.deepEqual(await chooseShares(gone, await manifestOf('qemu'), undefined), []);
  const windows = createFakeHost({ platform: 'win32', homeDirectory: 'C:\\Users\\ann' });
  t.deepEqual(await chooseShares(windows, await manifestOf('qemu'), undefined), []);
});

test('directories that are named are shared instead, relative ones from here; ro and rw at the end', async (t) => {
  t.deepEqual(await choose(['/data:ro', '../site', '/home/ann:rw']), [
    { path: '/data', readOnly: true },
    { path: '/home/ann/site', readOnly: false },
    { path: '/home/ann', readOnly: false },
  ]);
  t.deepEqual(await choose(['~:ro', '~/site']), [
    { path: '/home/ann', readOnly: true },
    { path: '/home/ann/site', readOnly: false },
  ]);
  t.deepEqual(await choose(['none']), []);
});

test('what cannot be shared is refused, and it is said why', async (t) => {
  for (const [asked, message] of [
    [['/missing'], /There is no directory \/missing/],
    [['/data/file'], /There is no directory/],
    [['/etc'], /in the way of \/etc/],
    [['/home'], /in the way of \/home\/docker/],
    [['/var/lib'], /in the way of \/var\/lib\/boot2docker/],
    [['/'], /in the way of/],
    [['/da\nta'], /characters/],
    [['none', '/data'], /stands alone/],
    [['/data', '/data:ro'], /shared twice/],
    [Array.from({ length: 9 }, () => '/data'), /8 directories at most/],
  ] as const) {
    const error = await t.throwsAsync(choose(asked), { code: 'flag-invalid' }, asked.join(' '));
    t.regex(`${error.message} ${(error as { why?: string }).why ?? ''}`, message);
  }
});

test('the advice fits: below a directory that holds a place of the guest, elsewhere for one inside it', async (t) => {
  for (const [name, advice] of [
    ['/home', /below it/],
    ['/etc', /another directory/],
    ['/usr/lib/x', /another directory/],
  ] as const) {
    const error = await t.throwsAsync<Error & { remedies?: readonly string[] }>(choose([name]));
    t.regex(error.remedies?.join(' ') ?? '', advice, name);
  }
});

test('a driver that shares nothing refuses a share, and takes none', async (t) => {
  t.deepEqual(await choose(undefined, { driver: 'none' }), []);
  t.deepEqual(await choose(['none'], { driver: 'generic' }), []);
  await t.throwsAsync(choose(['/data'], { driver: 'none' }), { code: 'flag-invalid' });
});

test('the guest mounts outer directories first; a hostile sidecar shares nothing', (t) => {
  const shares = sharesOf([
    { path: '/home/ann/site', readOnly: true },
    { path: '/home/ann', readOnly: false },
  ]);
  t.is(guestShareList(shares), 'tsm1 rw /home/ann\ntsm0 ro /home/ann/site\n');
  t.is(guestShareList([]), '');
  for (const value of [undefined, null, 'x', {}, [1], [{ path: 1 }], [{ path: 'a' }], [{ path: '/a\nb' }]]) {
    t.deepEqual(sharesOf(value), []);
  }
});
