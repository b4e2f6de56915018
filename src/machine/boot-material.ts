import { isMachineError } from '../core/errors.ts';
import type { BootImage, BootMaterial, Driver } from '../drivers/driver.ts';
import { findSource, imageOfMachine, locateImage } from '../image/locate.ts';
import { hostArchitecture } from '../image/sources.ts';
import { listGuestFiles } from './guest-files.ts';
import type { OpenMachine } from './open.ts';
import { loadOwnData, type OwnData } from './own-data.ts';
import { resumeMaterial } from './resume-material.ts';
import type { Session } from './session.ts';

/** Fails for an image that cannot be had, or has not what the driver boots, before anything is made for the machine. */
export async function requireImage(
  session: Session,
  driver: Driver,
  named: string | undefined,
): Promise<void> {
  const source = await findSource(session.host, named, cacheOptions(session));
  if (driver.manifest.capabilities.iso === true) {
    const { requireIso } = await import('../image/iso.ts');
    await requireIso(session.host, source, cacheOptions(session));
  }
}

/** URL of the ISO of the image that was named, or of the one on this computer; undefined when there is none. */
export async function isoForCreate(session: Session, named: string | undefined): Promise<string | undefined> {
  const { findIso } = await import('../image/find-iso.ts');
  return findIso(session.host, named, cacheOptions(session));
}

/** The image for a machine that is being created: verified, in the cache. */
export async function imageForCreate(
  session: Session,
  { driver }: Pick<OpenMachine, 'driver'>,
  named: string | undefined,
): Promise<BootImage> {
  return completeImage(session, driver, named, () => locateImage(session.host, named, cacheOptions(session)));
}

/** With its ISO where the driver boots from that. */
async function completeImage(
  session: Session,
  driver: Driver,
  named: string | undefined,
  locate: () => Promise<BootImage>,
): Promise<BootImage> {
  const image = await locate();
  if (driver.manifest.capabilities.iso !== true) {
    return image;
  }
  const { withIso } = await import('../image/iso.ts');
  return withIso(session.host, image, named, cacheOptions(session));
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
  const image = await imageFor(session, machine, own);
  const resume = await resumeMaterial(session, machine, own);
  return {
    image,
    guestFiles: await listGuestFiles(session.host, machine.directory),
    shares: own.shares.filter(({ way }) => way !== 'sftp'),
    ...(resume === undefined ? {} : { resume }),
  };
}

async function imageFor(session: Session, machine: OpenMachine, own: OwnData): Promise<BootImage> {
  const { driver } = machine;
  const isOwnIso = driver.manifest.capabilities.iso === true && own.phase !== 'creating';
  try {
    return own.imageDigest === undefined
      ? await imageForCreate(session, machine, own.imageSource)
      : await completeImage(session, driver, own.imageSource, () =>
          imageOfMachine(session.host, own.imageDigest ?? '', own.imageSource, cacheOptions(session)),
        );
  } catch (error) {
    // A machine that boots an ISO has a copy of its own, so it starts without its image, too.
    if (isOwnIso && isMachineError(error) && error.code === 'image-not-found') {
      return imageThatIsGone(session, own.imageDigest ?? '');
    }
    throw error;
  }
}

function imageThatIsGone({ host }: Session, digest: string): BootImage {
  const paths = { kernelPath: '', initrdPath: '', rootPath: '' };
  return { digest, version: '', architecture: hostArchitecture(host), ...paths };
}

function cacheOptions({ storePath, signal, emit }: Session): Parameters<typeof locateImage>[2] {
  return { storePath, signal, emit };
}
