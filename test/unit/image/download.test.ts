import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { locateImage } from '../../../src/image/locate.ts';
import { imageHost, type ImageHost } from './image-host.ts';
import { tinyImage, withChangedByte, type TinyImage } from './tiny-image.ts';

const base = 'https://images.example/v1';
const image = tinyImage({ rootBytes: 5000 });
const url = `${base}/manifest.json#sha256=${image.manifestSha256}`;

function serving(files: TinyImage['sent'] = image.sent): ImageHost {
  const world = imageHost();
  for (const [name, data] of files) {
    world.host.http.responses.set(`${base}/${name}`, data);
  }
  return world;
}

function fetchedNames({ host }: ImageHost): string[] {
  return host.http.requests.map((request) => request.slice(base.length + 1));
}

test('only what is sent is fetched, and nothing but the image stays', async (t) => {
  const world = serving();
  const { digest, rootPath } = await locateImage(world.host, url, world.options);
  t.is(digest, image.manifest.digest);
  t.deepEqual(Buffer.from(await world.host.files.readBytes(rootPath)), image.boot.get('root.erofs'));
  t.deepEqual(fetchedNames(world), ['manifest.json', 'vmlinuz', 'initrd.br', 'root.erofs.br']);
  t.deepEqual(await world.cached(), [digest]);
  const progress = world.events.flatMap((event) =>
    event.type === 'progress' && event.label.startsWith('Downloading') ? [event] : [],
  );
  t.is(progress.at(-1)?.done, progress[0]?.total);
});

test('a second create with the same URL fetches nothing, also when the server is gone', async (t) => {
  const world = serving();
  const first = await locateImage(world.host, url, world.options);
  world.host.http.responses.clear();
  world.host.http.requests.splice(0);
  t.deepEqual(await locateImage(world.host, url, world.options), first);
  t.deepEqual(fetchedNames(world), []);
});

test('a changed byte in any file is refused by its URL, and never gets its name', async (t) => {
  for (const [name, data] of image.sent) {
    const world = serving(new Map([...image.sent, [name, withChangedByte(data)]]));
    const error = await t.throwsAsync(
      locateImage(world.host, url, world.options),
      { instanceOf: MachineError, code: 'checksum-mismatch' },
      name,
    );
    t.true(error.message.startsWith(`${base}/${name} `), error.message);
    for (const cached of await world.cached()) {
      t.true(cached.startsWith('.download-'), name);
      const left = await world.host.files.list(`/store/cache/images/${cached}`);
      t.false(
        left.some((entry) => entry.name === name || entry.name.endsWith('.partial')),
        name,
      );
    }
  }
});

test('another manifest at the same place is refused: the hash in the URL decides', async (t) => {
  const world = serving(tinyImage({ mark: 'another' }).sent);
  await t.throwsAsync(locateImage(world.host, url, world.options), { code: 'checksum-mismatch' });
  t.deepEqual(fetchedNames(world), ['manifest.json']);
});

test('a file that is larger than the manifest says is refused', async (t) => {
  const initrd = image.sent.get('initrd.br') ?? Buffer.alloc(0);
  const world = serving(new Map([...image.sent, ['initrd.br', Buffer.concat([initrd, Buffer.alloc(9)])]]));
  await t.throwsAsync(locateImage(world.host, url, world.options), { code: 'download-failed' });
});

test('after a failed download the next one begins where the first ended', async (t) => {
  const world = serving();
  world.host.http.responses.delete(`${base}/root.erofs.br`);
  await t.throwsAsync(locateImage(world.host, url, world.options), { code: 'download-failed' });
  world.host.http.requests.splice(0);
  world.host.http.responses.set(`${base}/root.erofs.br`, image.sent.get('root.erofs.br') ?? '');
  t.is((await locateImage(world.host, url, world.options)).digest, image.manifest.digest);
  t.deepEqual(fetchedNames(world), ['root.erofs.br']);
  t.deepEqual(await world.cached(), [image.manifest.digest]);
});

test('what lies damaged from an earlier download is fetched again', async (t) => {
  const world = serving();
  const left = `/store/cache/images/.download-${image.manifestSha256.slice(0, 16)}`;
  world.host.files.put(`${left}/manifest.json`, image.manifestText.slice(0, 50));
  world.host.files.put(`${left}/initrd.br`, 'half');
  world.host.files.put(`${left}/vmlinuz.partial`, 'half');
  t.is((await locateImage(world.host, url, world.options)).digest, image.manifest.digest);
  t.deepEqual(await world.cached(), [image.manifest.digest]);
});

/** Makes the download of one file fail so many times after its first bytes. */
function cutting(world: ImageHost, name: string, times: number): void {
  const { http } = world.host;
  const whole = http.download.bind(http);
  let left = times;
  Object.assign(http, {
    download: (async (from, path, options) => {
      if (from === `${base}/${name}` && left > 0) {
        left -= 1;
        http.requests.push(from);
        options.onProgress?.(10, 1000);
        throw new MachineError('download-failed', `Cannot download ${from}.`, {
          why: 'it ended after 10 of 1000 bytes',
        });
      }
      await whole(from, path, options);
    }) satisfies typeof whole,
  });
}

test('a transfer that is cut is tried again, with pauses, and the user is told', async (t) => {
  const world = serving();
  cutting(world, 'root.erofs.br', 3);
  t.is((await locateImage(world.host, url, world.options)).digest, image.manifest.digest);
  t.is(fetchedNames(world).filter((name) => name === 'root.erofs.br').length, 4);
  t.is(world.events.filter(({ type }) => type === 'warn').length, 3);
  t.deepEqual(world.host.clock.sleeps, [1000, 2000, 4000]);
});

test('a transfer that is cut every time is given up', async (t) => {
  const world = serving();
  cutting(world, 'root.erofs.br', 100);
  await t.throwsAsync(locateImage(world.host, url, world.options), { code: 'download-failed' });
  t.is(fetchedNames(world).filter((name) => name === 'root.erofs.br').length, 4);
});
