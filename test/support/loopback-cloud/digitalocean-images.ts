import {
  allImages,
  images,
  shownSnapshot,
  sizes,
  type CloudAccount,
  type CloudSnapshot,
  type Json,
} from './digitalocean-account.ts';
import { notFound, page, Refusal, unprocessable, type Asked } from './digitalocean-asked.ts';
import { jsonAnswer, type CloudAnswer } from './fault-server.ts';

// Images of the stand-in for DigitalOcean: the public ones, and those that were made of droplets.

export function listImages(asked: Asked): CloudAnswer {
  const { account, request } = asked;
  const isPrivate = request.query.get('private') === 'true';
  const isPublic = request.query.get('type') === 'distribution';
  const wanted = (image: Json): boolean => (isPrivate ? image['public'] === false : true);
  return page(asked, 'images', isPublic ? images : allImages(account).filter(wanted));
}

export function getImage({ account, parts: [wanted] }: Asked): CloudAnswer {
  const image = images.find(({ id, slug }) => slug === wanted || String(id) === wanted);
  const snapshot = account.snapshots.get(Number(wanted));
  if (image === undefined && snapshot === undefined) {
    throw notFound();
  }
  return jsonAnswer(200, { image: snapshot === undefined ? image : shownSnapshot(snapshot) });
}

/** The account's own image of the path: the public ones nobody changes. */
function ownImageOf({ account, parts: [id] }: Asked): CloudSnapshot {
  if (images.some((image) => String(image['id']) === id)) {
    throw new Refusal(403, 'forbidden', 'You are not authorized to perform this operation');
  }
  const snapshot = account.snapshots.get(Number(id));
  if (snapshot === undefined) {
    throw notFound();
  }
  return snapshot;
}

export function putImage(asked: Asked): CloudAnswer {
  const { thing } = ownImageOf(asked);
  if (String(asked.body['name']).length > 255) {
    throw unprocessable('Name is too long');
  }
  Object.assign(thing, { name: asked.body['name'] });
  return jsonAnswer(200, { image: thing });
}

export function deleteImage(asked: Asked): CloudAnswer {
  asked.account.snapshots.delete(ownImageOf(asked).thing['id'] as number);
  return { status: 204, body: '' };
}

/** What is wrong with the image that a droplet is to be made of. */
export function imageProblem(account: CloudAccount, body: Json): string | false {
  const things = [...images, ...[...account.snapshots.values()].map(({ thing }) => thing)];
  const image = things.find(({ id, slug }) => body['image'] === id || body['image'] === slug);
  const disk = sizes.find(({ slug }) => slug === body['size'])?.['disk'];
  if (image === undefined) {
    return 'You specified an invalid image for Droplet creation.';
  }
  if (!(image['regions'] as readonly unknown[]).includes(body['region'])) {
    return 'The image is not available in the selected region.';
  }
  return Number(image['min_disk_size']) > Number(disk) && 'This size is too small for the image.';
}
