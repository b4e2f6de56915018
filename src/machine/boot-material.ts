import type { BootImage, BootMaterial } from '../drivers/driver.ts';
import { findSource, imageOfMachine, locateImage } from '../image/locate.ts';
import { listGuestFiles } from './guest-files.ts';
import type { OpenMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import { resumeMaterial } from './resume-material.ts';
import type { Session } from './session.ts';

/** Fails for an image that cannot be had, before anything is made for the machine. */
export async function requireImage(session: Session, named: string | undefined): Promise<void> {
  await findSource(session.host, named, cacheOptions(session));
}

/** URL of the ISO of the image that was named, or of the one on this computer; undefined when there is none. */
export async function isoForCreate(session: Session, named: string | undefined): Promise<string | undefined> {
  const { findIso } = await import('../image/find-iso.ts');
  return findIso(session.host, named, cacheOptions(session));
}

/** The image for a machine that is being created: verified, in the cache. */
export async function imageForCreate(session: Session, named: string | undefined): Promise<BootImage> {
  return locateImage(session.host, named, cacheOptions(session));
}

/** What an existing machine boots: its own image and its guest files. */
export async function bootMaterial(
  session: Session,
  machine: OpenMachine,
): Promise<BootMaterial | undefined> {
  if (machine.driver.manifest.capabilities.boots !== 'image') {
    return undefined;
  }
  const own = await loadOwnData(session, machine.name);
  const image =
    own.imageDigest === undefined
      ? await imageForCreate(session, own.imageSource)
      : await imageOfMachine(session.host, own.imageDigest, own.imageSource, cacheOptions(session));
  const resume = resumeMaterial(session, machine, own);
  return {
    image,
    guestFiles: await listGuestFiles(session.host, machine.directory),
    ...(resume === undefined ? {} : { resume }),
  };
}

function cacheOptions({ storePath, signal, emit }: Session): Parameters<typeof locateImage>[2] {
  return { storePath, signal, emit };
}
