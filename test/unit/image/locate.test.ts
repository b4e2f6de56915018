import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { absoluteImageName } from '../../../src/image/image-name.ts';
import { imageOfMachine, locateImage } from '../../../src/image/locate.ts';
import { builtImageDirectory, findInstalledImage, listCachedImages } from '../../../src/image/sources.ts';
import { imageHost } from './image-host.ts';
import { tinyImage } from './tiny-image.ts';

const newer = tinyImage({ mark: 'newer', sourceDateEpoch: 1_800_000_000 });
const older = tinyImage({ mark: 'older' });

test('an image is named by its directory, its manifest or a file URL', async (t) => {
  for (const named of [
    '/images/a b',
    '/images/a b/manifest.json',
    'images/a b',
    './images/a b/manifest.json',
    'file:///images/a%20b',
    'file:///images/a%20b/manifest.json',
    `file:///images/a%20b/manifest.json#sha256=${newer.manifestSha256}`,
    `file:///images/a%20b/manifest.json#sha256=${newer.manifestSha256.toUpperCase()}`,
  ]) {
    const { host, options, put } = imageHost({ currentDirectory: '/' });
    put('/images/a b', newer.sent);
    t.is((await locateImage(host, named, options)).digest, newer.manifest.digest, named);
  }
});

test('on Windows too, with its drives and separators', async (t) => {
  for (const named of [
    'D:\\images\\one',
    'D:/images/one/manifest.json',
    'one',
    'file:///D:/images/one/manifest.json',
  ]) {
    const { host, options, put } = imageHost({ platform: 'win32', currentDirectory: 'D:\\images' });
    put('D:\\images\\one', newer.built);
    const { rootPath } = await locateImage(host, named, options);
    t.is(rootPath, `C:\\store\\cache\\images\\${newer.manifest.digest}\\root.erofs`, named);
  }
});

test('a name that leads nowhere says what was looked for', async (t) => {
  const { host, options, put } = imageHost();
  put('/images/a', newer.built);
  const cases: readonly (readonly [named: string, code: string, text: RegExp])[] = [
    ['/nowhere', 'image-not-found', /\/nowhere\/manifest\.json does not exist/],
    ['ftp://example.com/manifest.json', 'flag-invalid', /does not name a file/],
    ['file://server/images/a', 'flag-invalid', /does not name a file/],
    ['https://example.com/manifest.json', 'flag-invalid', /does not say which image/],
    ['https://example.com/manifest.json#sha256=abc', 'flag-invalid', /does not say which image/],
    ['http://', 'flag-invalid', /is not a URL/],
    [`file:///images/a#sha256=${'0'.repeat(64)}`, 'checksum-mismatch', /\/images\/a\/manifest\.json/],
  ];
  for (const [named, code, text] of cases) {
    const error = await t.throwsAsync(
      locateImage(host, named, options),
      { instanceOf: MachineError, code },
      named,
    );
    t.regex(`${error.message} ${error.why ?? ''}`, text, named);
  }
});

test('without a name: the checkout, then the package, then what was built, then the newest of the cache', async (t) => {
  const { host, storePath, put } = imageHost({ packageRoot: '/app/node_modules/tsmachine' });
  const find = async (): Promise<string | undefined> =>
    (await findInstalledImage(host, storePath, 'amd64'))?.directory;
  t.is(await find(), undefined);
  const places = [
    `/store/cache/images/${older.manifest.digest}`,
    `/store/cache/images/${newer.manifest.digest}`,
    '/store/cache/built-images/amd64',
    '/app/node_modules/@tsmachine/image-amd64',
    '/app/node_modules/tsmachine/node_modules/@tsmachine/image-amd64',
    '/app/node_modules/tsmachine/build/image/amd64',
  ];
  for (const place of places) {
    put(place, (place.includes(older.manifest.digest) ? older : newer).built);
    t.is(await find(), place);
  }
});

test('directories above that are no node_modules are not looked into', async (t) => {
  const { host, storePath, put } = imageHost({ packageRoot: '/app/packages/tsmachine' });
  put('/app/node_modules/@tsmachine/image-amd64', newer.built);
  t.is(await findInstalledImage(host, storePath, 'amd64'), undefined);
});

test('an image of another architecture, or under a wrong name in the cache, is passed over', async (t) => {
  const { host, storePath, put } = imageHost();
  put('/opt/tsmachine/build/image/amd64', tinyImage({ architecture: 'arm64' }).built);
  put(`/store/cache/images/${'a'.repeat(64)}`, newer.built);
  put(`/store/cache/images/${newer.manifest.digest}.partial`, newer.built);
  host.files.put(`/store/cache/images/${'b'.repeat(64)}/manifest.json`, '{');
  t.is(await findInstalledImage(host, storePath, 'amd64'), undefined);
  const problems: string[] = [];
  t.deepEqual(await listCachedImages(host, storePath, (problem) => void problems.push(problem)), []);
  t.is(problems.length, 2);
  t.true(problems.every((problem) => problem.includes('/store/cache/images/')));
});

test('a broken manifest in a place that comes first is an error that names it, not a reason to look on', async (t) => {
  const { host, options, put } = imageHost();
  put('/opt/tsmachine/build/image/amd64', newer.built);
  host.files.put(
    '/opt/tsmachine/build/image/amd64/manifest.json',
    newer.manifestText.replace('26.1.5', '26.1.6'),
  );
  put(`/store/cache/images/${older.manifest.digest}`, older.built);
  const error = await t.throwsAsync(locateImage(host, undefined, options), { code: 'image-invalid' });
  t.true(error.message.startsWith('/opt/tsmachine/build/image/amd64/manifest.json'));
});

test('where nothing is found, the places are told', async (t) => {
  const { host, options } = imageHost({ arch: 'arm64' });
  const error = await t.throwsAsync(locateImage(host, undefined, options), {
    instanceOf: MachineError,
    code: 'image-not-found',
  });
  t.regex(error.why ?? '', /@tsmachine\/image-arm64/);
});

test('image build works where create looks', async (t) => {
  const installed = imageHost();
  t.is(
    await builtImageDirectory(installed.host, installed.storePath, 'arm64'),
    '/store/cache/built-images/arm64',
  );
  const checkout = imageHost({ tree: { '/opt/tsmachine/tsconfig.json': '{}' } });
  t.is(
    await builtImageDirectory(checkout.host, checkout.storePath, 'arm64'),
    '/opt/tsmachine/build/image/arm64',
  );
});

test('a machine boots the image that it was made with, whatever else is installed by now', async (t) => {
  const { host, options, put } = imageHost();
  put('/images/older', older.built);
  const made = await locateImage(host, '/images/older', options);
  put('/opt/tsmachine/build/image/amd64', newer.built);
  await host.files.remove('/images/older');
  t.deepEqual(await imageOfMachine(host, older.manifest.digest, '/images/older', options), made);
  t.deepEqual(await imageOfMachine(host, older.manifest.digest, undefined, options), made);
});

test('an image that has left the cache is brought again from where it came', async (t) => {
  const { host, options, put } = imageHost();
  put('/images/older', older.sent);
  const made = await imageOfMachine(host, older.manifest.digest, '/images/older', options);
  t.is(made.digest, older.manifest.digest);
  // The manifest of the cache is broken: as good as gone.
  host.files.put(`/store/cache/images/${older.manifest.digest}/manifest.json`, '{}');
  t.deepEqual(await imageOfMachine(host, older.manifest.digest, '/images/older', options), made);
});

test('a machine whose image is nowhere any more does not boot another one', async (t) => {
  const { host, options, put, cached } = imageHost();
  const digest = older.manifest.digest;
  const expected = { instanceOf: MachineError, code: 'image-not-found' } as const;
  const nowhere = await t.throwsAsync(imageOfMachine(host, digest, undefined, options), expected);
  t.regex(nowhere.message, new RegExp(digest.slice(0, 12)));
  put('/opt/tsmachine/build/image/amd64', newer.built);
  const other = await t.throwsAsync(imageOfMachine(host, digest, undefined, options), expected);
  t.regex(other.why ?? '', /\/opt\/tsmachine\/build\/image\/amd64 is another one/);
  t.true(other.remedies.some((remedy) => remedy.includes(`/store/cache/images/${digest}`)));
  t.deepEqual(await cached(), [], 'the other one is not put into the cache in vain');
});

test('a cached image of which a file was cut is not booted', async (t) => {
  const { host, options, put } = imageHost();
  put('/images/older', older.built);
  await locateImage(host, '/images/older', options);
  host.files.put(`/store/cache/images/${older.manifest.digest}/root.erofs`, 'cut');
  const error = await t.throwsAsync(imageOfMachine(host, older.manifest.digest, undefined, options), {
    instanceOf: MachineError,
    code: 'image-invalid',
  });
  t.regex(error.why ?? '', /root\.erofs has 3 bytes instead of/);
  const mended = await imageOfMachine(host, older.manifest.digest, '/images/older', options);
  t.is((await host.files.stat(mended.rootPath))?.sizeBytes, older.boot.get('root.erofs')?.length);
});

test('a relative name is kept as an absolute one', (t) => {
  const { host } = imageHost({ currentDirectory: '/home/ann/work' });
  t.is(absoluteImageName(host, 'image'), '/home/ann/work/image');
  t.is(absoluteImageName(host, '/image'), '/image');
  t.is(absoluteImageName(host, 'https://example.com/m#sha256=0'), 'https://example.com/m#sha256=0');
});
