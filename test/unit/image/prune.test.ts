import test from 'ava';
import { locateImage } from '../../../src/image/locate.ts';
import { pruneImages } from '../../../src/machine/prune-images.ts';
import { createSession } from '../../../src/machine/session.ts';
import { formatSidecar, type Sidecar } from '../../../src/store/sidecar.ts';
import { imageHost, type ImageHost } from './image-host.ts';
import { tinyImage } from './tiny-image.ts';

const images = ['one', 'two', 'three'].map((mark) => tinyImage({ mark }));
const digests = images.map(({ manifest }) => manifest.digest);

async function filled(): Promise<ImageHost> {
  const world = imageHost();
  for (const [index, image] of images.entries()) {
    world.put(`/images/${index}`, image.built);
    await locateImage(world.host, `/images/${index}`, world.options);
  }
  return world;
}

function addMachine(
  { host }: ImageHost,
  name: string,
  own: Partial<Pick<Sidecar, 'phase' | 'imageDigest'>>,
): void {
  const sidecar: Sidecar = {
    schema: 1,
    phase: 'ready',
    created: '2026-01-02T03:04:05.000Z',
    driver: {},
    options: {},
    ...own,
  };
  host.files.put(`/store/machines/${name}/tsmachine.json`, formatSidecar(sidecar));
  host.files.put(`/store/machines/${name}/config.json`, '{}');
}

test('images that no machine uses leave the cache', async (t) => {
  const world = await filled();
  addMachine(world, 'a', { imageDigest: digests[1] ?? '' });
  addMachine(world, 'b', {});
  const removed = await pruneImages(createSession({ ...world.options, host: world.host }));
  t.deepEqual(await world.cached(), [digests[1] ?? '']);
  t.deepEqual(
    removed.map(({ directory }) => directory).sort(),
    [digests[0], digests[2]].map((digest) => `/store/cache/images/${digest ?? ''}`).sort(),
  );
  t.true(removed.every(({ version, sizeBytes }) => version === '20261118-26.1.5' && sizeBytes > 1000));
  t.deepEqual(await pruneImages(createSession({ ...world.options, host: world.host })), []);
});

test('half-made images and downloads go too, what is not ours stays', async (t) => {
  const world = await filled();
  const cache = '/store/cache/images';
  const download = '.download-0123456789abcdef';
  world.host.files.put(`${cache}/${'c'.repeat(64)}.partial/vmlinuz`, 'half');
  world.host.files.put(`${cache}/${download}/manifest.json`, '{');
  world.host.files.put(`${cache}/mine/notes.txt`, 'keep');
  world.host.files.put(`${cache}/${'d'.repeat(64)}`, 'a file');
  const removed = await pruneImages(createSession({ ...world.options, host: world.host }));
  t.is(removed.length, 5);
  t.deepEqual(await world.cached(), ['d'.repeat(64), 'mine']);
});

test('an empty store has nothing to remove', async (t) => {
  const world = imageHost();
  t.deepEqual(await pruneImages(createSession({ ...world.options, host: world.host })), []);
});

test('while a machine is being made whose image is not known, or one cannot be read, nothing is removed', async (t) => {
  const world = await filled();
  addMachine(world, 'a', { phase: 'creating' });
  await t.throwsAsync(pruneImages(createSession({ ...world.options, host: world.host })), {
    code: 'machine-incomplete',
  });
  t.is((await world.cached()).length, 3);
  world.host.files.put('/store/machines/a/tsmachine.json', '{"schema": 99}');
  await t.throwsAsync(pruneImages(createSession({ ...world.options, host: world.host })), {
    code: 'record-from-future',
  });
  t.is((await world.cached()).length, 3);
});
