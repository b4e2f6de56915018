import test from 'ava';
import fc from 'fast-check';
import { loadDriver } from '../../../src/drivers/registry.ts';
import type { ShareWay } from '../../../src/drivers/driver.ts';
import { chooseShares, guestShareList, sharesOf, type SharePlan } from '../../../src/machine/shares.ts';
import { guestPathsOf, herePathOf } from '../../../src/machine/share-paths.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { openTestSession } from './support.ts';

async function waysOf(driver: string): Promise<readonly ShareWay[]> {
  return (await loadDriver(driver, openTestSession())).manifest.capabilities.shares ?? [];
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
): Promise<SharePlan['shares']> {
  return (await chooseShares(hostAt(home), { name: driver }, await waysOf(driver), { asked })).shares;
}

/** On Windows, with a way to share. */
async function onWindows(asked?: readonly string[]): Promise<SharePlan['shares']> {
  const windows = createFakeHost({
    platform: 'win32',
    homeDirectory: 'C:\\Users\\Ann B',
    currentDirectory: 'C:\\Users\\Ann B\\work',
    tree: { 'C:\\Users\\Ann B\\work\\x': 'x', 'D:\\data\\x': 'x' },
  });
  return (await chooseShares(windows, { name: 'qemu' }, ['sftp'], { asked })).shares;
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
  t.deepEqual((await chooseShares(gone, { name: 'qemu' }, ['9p'], {})).shares, []);
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

test('the best way is taken unless another is asked for; one that is not there is refused', async (t) => {
  const driver = { name: 'x' };
  const ways = ['virtiofs', '9p'] as const;
  t.is((await chooseShares(hostAt('/home/ann'), driver, ways, {})).way, 'virtiofs');
  t.is((await chooseShares(hostAt('/home/ann'), driver, ways, { way: '9p' })).way, '9p');
  await t.throwsAsync(chooseShares(hostAt('/home/ann'), driver, ways, { way: 'vboxsf' }), {
    code: 'flag-invalid',
    message: /cannot share by vboxsf here/,
  });
  await t.throwsAsync(chooseShares(hostAt('/home/ann'), driver, [], { way: 'sftp' }), {
    code: 'flag-invalid',
  });
});

test('a home directory of Windows is found in the machine under two paths', async (t) => {
  t.deepEqual(await onWindows(), [
    {
      path: 'C:\\Users\\Ann B',
      readOnly: false,
      guestPaths: ['/c/Users/Ann B', '/mnt/c/Users/Ann B'],
    },
  ]);
});

test('Windows: every way to write a path is understood, and a drive of its own is none of the guest', async (t) => {
  const work = 'C:\\Users\\Ann B\\work';
  for (const word of [
    'C:/Users/Ann B/work',
    'c:\\Users\\Ann B\\work\\',
    '//c/Users/Ann B/work',
    '/c/Users/Ann B/work',
    '/mnt/c/Users/Ann B/work',
    '\\\\?\\C:\\Users\\Ann B\\work',
    '.',
    '~/work',
    '~\\work',
  ]) {
    t.deepEqual(
      (await onWindows([`${word}:ro`])).map(({ path, readOnly }) => [path, readOnly]),
      [[work, true]],
    );
  }
  t.deepEqual(await onWindows(['d:\\']), [{ path: 'D:\\', readOnly: false, guestPaths: ['/d', '/mnt/d'] }]);
});

test('Windows: a path of the network is refused with advice, and one that is shared twice', async (t) => {
  for (const word of [
    '\\\\server\\share\\x',
    '//server/share',
    '\\\\.\\pipe\\x',
    '\\\\?\\UNC\\server\\share',
  ]) {
    const error = await t.throwsAsync<Error & { remedies?: readonly string[] }>(onWindows([word]), {
      code: 'flag-invalid',
    });
    t.regex(error.remedies?.join(' ') ?? '', /net use/, word);
  }
  await t.throwsAsync(onWindows(['D:/data', '/d/data']), { message: /shared twice/ });
});

test('macOS: temporary files are shared, under both of their names', async (t) => {
  const tree = { '/Users/ann/x': '', '/private/var/folders/ab/x': '', '/private/tmp/x': '' };
  const mac = createFakeHost({ platform: 'darwin', homeDirectory: '/Users/ann', tree });
  const { shares } = await chooseShares(mac, { name: 'x' }, ['virtiofs'], {});
  t.deepEqual(shares, [
    { path: '/Users/ann', readOnly: false },
    { path: '/private/tmp', readOnly: false },
    {
      path: '/private/var/folders',
      readOnly: false,
      guestPaths: ['/private/var/folders', '/var/folders'],
    },
  ]);
});

test('a path of the machine leads back to the one of this computer', (t) => {
  t.is(herePathOf('/c/Users/me', 'win32'), 'C:\\Users\\me');
  t.is(herePathOf('/mnt/d', 'win32'), 'D:\\');
  t.is(herePathOf('/home/me', 'win32'), undefined);
  t.is(herePathOf('/home/me', 'linux'), '/home/me');
  fc.assert(
    fc.property(
      fc.constantFrom('C:', 'Z:'),
      fc.array(fc.stringMatching(/^[a-z ä.]*[a-z]$/)),
      (drive, names) => {
        const name = `${drive}\\${names.join('\\')}`;
        for (const inside of guestPathsOf(name, 'win32')) {
          t.is(herePathOf(inside, 'win32'), name);
        }
      },
    ),
    { seed: 1 },
  );
});

test('the guest mounts outer directories first; a hostile sidecar shares nothing', (t) => {
  const listed = [
    { path: '/home/ann/site', readOnly: true },
    { path: '/home/ann', readOnly: false, guestPaths: ['/home/ann', '/mnt/home/ann'] },
  ];
  const shares = sharesOf(listed, '9p');
  t.is(guestShareList(shares), 'tsm1 rw /home/ann\ntsm1 rw /mnt/home/ann\ntsm0 ro /home/ann/site\n');
  t.is(guestShareList(sharesOf(listed, 'sftp')), '', 'the agent mounts these');
  t.is(guestShareList([]), '');
  for (const value of [
    undefined,
    null,
    'x',
    {},
    [1],
    [{ path: 1 }],
    [{ path: 'a' }],
    [{ path: '/a\nb' }],
    [{ path: '/a', guestPaths: ['x'] }],
  ]) {
    t.deepEqual(sharesOf(value, 'x'), []);
  }
});
