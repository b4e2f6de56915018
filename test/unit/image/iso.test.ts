import { createHash } from 'node:crypto';
import test from 'ava';
import type { BootImage } from '../../../src/drivers/driver.ts';
import { requireIso, withIso } from '../../../src/image/iso.ts';
import { findSource, locateImage } from '../../../src/image/locate.ts';
import { imageHost, type ImageHost } from './image-host.ts';
import { tinyImage, withChangedByte } from './tiny-image.ts';

// Images are alike whether they have an ISO or not: it counts for no digest.

const iso = Buffer.from('an ISO '.repeat(100));
const entry = { name: 'image.iso', size: iso.length, sha256: createHash('sha256').update(iso).digest('hex') };
const whole = tinyImage({ alter: (files) => [...files, entry] });
const bare = tinyImage();
const isoPath = `/store/cache/images/${whole.manifest.digest}/image.iso`;

function place(image: typeof whole, named = '/images/one'): ImageHost {
  const made = imageHost();
  made.put(named, new Map([...image.built, ...(image === whole ? [['image.iso', iso] as const] : [])]));
  return made;
}

async function complete({ host, options }: ImageHost, named = '/images/one'): Promise<BootImage> {
  return withIso(host, await locateImage(host, named, options), named, options);
}

test('the ISO enters the cache beside the other files, checked, once', async (t) => {
  const made = place(whole);
  t.is((await complete(made)).isoPath, isoPath);
  t.deepEqual(Buffer.from(await made.host.files.readBytes(isoPath)), iso);
  await made.host.files.remove('/images/one/image.iso');
  t.is((await complete(made)).isoPath, isoPath, 'what is there is not looked for elsewhere');
});

test('a changed byte is refused, and nothing is left of it', async (t) => {
  const made = place(whole);
  made.put('/images/one', new Map([['image.iso', withChangedByte(iso)]]));
  await t.throwsAsync(complete(made), { code: 'image-invalid', message: /image\.iso is not the file/ });
  t.is(await made.host.files.stat(isoPath), undefined);
  t.is(await made.host.files.stat(`${isoPath}.partial`), undefined);
});

test('an image without an ISO is refused before anything is made, with the way out', async (t) => {
  const made = place(bare);
  const source = await findSource(made.host, '/images/one', made.options);
  const error = await t.throwsAsync(requireIso(made.host, source, made.options), { code: 'image-not-found' });
  t.regex(JSON.stringify(error), /tsmachine image build/);
  await t.throwsAsync(complete(made), { code: 'image-not-found' });
});

test('an image that was built without one takes the ISO of its twin that has one', async (t) => {
  t.is(bare.manifest.digest, whole.manifest.digest);
  const made = place(bare);
  await locateImage(made.host, '/images/one', made.options);
  made.put('/images/two', new Map([...whole.built, ['image.iso', iso]]));
  t.is((await complete(made, '/images/two')).isoPath, isoPath);
  const source = await findSource(made.host, '/images/one', made.options);
  await t.notThrowsAsync(requireIso(made.host, source, made.options), 'it is in the cache now');
});

test('the ISO of a URL is fetched when it is wanted, and not before', async (t) => {
  const made = imageHost();
  const base = 'https://example.com/images/';
  for (const [name, data] of [...whole.sent, ['image.iso', iso] as const]) {
    made.host.http.responses.set(`${base}${name}`, data);
  }
  const named = `${base}manifest.json#sha256=${whole.manifestSha256}`;
  await locateImage(made.host, named, made.options);
  t.false(made.host.http.requests.includes(`${base}image.iso`));
  t.is((await complete(made, named)).isoPath, isoPath);
  t.true(made.host.http.requests.includes(`${base}image.iso`));
});
