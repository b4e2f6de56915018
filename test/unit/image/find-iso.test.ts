import { createHash } from 'node:crypto';
import test from 'ava';
import { findIso } from '../../../src/image/find-iso.ts';
import { imageHost } from './image-host.ts';
import { tinyImage } from './tiny-image.ts';

const iso = Buffer.from('an ISO');
const sha256 = createHash('sha256').update(iso).digest('hex');
const image = tinyImage({
  alter: (files) => [...files, { name: 'image.iso', size: iso.length, sha256 }],
});

test('the ISO of the image of this computer, or of the one that was named, as a URL', async (t) => {
  const { host, options, put } = imageHost();
  t.is(await findIso(host, undefined, options), undefined, 'there is no image');
  put('/opt/tsmachine/build/image/amd64', new Map([...image.built, ['image.iso', iso]]));
  t.is(await findIso(host, undefined, options), 'file:///opt/tsmachine/build/image/amd64/image.iso');
  put('/my images', new Map([...image.built, ['image.iso', iso]]));
  t.is(await findIso(host, '/my images', options), 'file:///my%20images/image.iso');
});

test('an image without an ISO has none; one that was named and is not there is an error', async (t) => {
  const { host, options, put } = imageHost();
  put('/bare', tinyImage().built);
  t.is(await findIso(host, '/bare', options), undefined);
  put('/lost', image.built);
  t.is(await findIso(host, '/lost', options), undefined, 'it was deleted');
  await t.throwsAsync(findIso(host, '/nowhere', options), { code: 'image-not-found' });
});

test('an ISO that is not what the manifest says is not handed to anybody', async (t) => {
  const { host, options, put } = imageHost();
  put('/changed', new Map([...image.built, ['image.iso', Buffer.from('an iso')]]));
  await t.throwsAsync(findIso(host, '/changed', options), { code: 'image-invalid' });
});
