import { MachineError } from '../core/errors.ts';
import { withCacheLock } from '../image/cache.ts';
import { listInstallations } from '../drivers/npm/installation.ts';
import { driverNames, loadDriver } from '../drivers/registry.ts';
import { removeFromCache, type RemovedImage } from '../image/prune.ts';
import { listNames } from './list.ts';
import { loadOwnData } from './own-data.ts';
import { driverCache } from './driver-cache.ts';
import type { Session } from './session.ts';

/**
 * Removes from the cache every image that no machine of the store uses, and what killed downloads left there.
 * So do templates of machines: those of such images, or with `all` every one of them.
 * Images that were built or installed stay where they are; a machine that is made later brings its image again.
 * @throws MachineError `machine-incomplete` while a machine is being made whose image is not known yet, and the
 *   errors of reading a record: as long as a machine cannot be read its image may be in use.
 */
export async function pruneImages(
  session: Session,
  options: { readonly all?: boolean } = {},
): Promise<RemovedImage[]> {
  const { host, storePath, signal, emit } = session;
  return withCacheLock(host, { storePath, signal, emit }, async () => {
    const inUse = await imagesInUse(session);
    const images = await removeFromCache(host, storePath, inUse);
    return [...images, ...(await pruneDrivers(session, options.all === true ? new Set() : inUse))];
  });
}

/** What drivers keep for images that are not in use. */
async function pruneDrivers(session: Session, keepImages: ReadonlySet<string>): Promise<RemovedImage[]> {
  const removed: RemovedImage[] = [];
  for (const name of [...driverNames, ...(await installedWithCache(session))]) {
    const driver = await loadDriver(name, session);
    const context = { host: session.host, signal: session.signal, keepImages };
    const pruned = (await driver.prune?.({ ...context, cache: driverCache(session, name) })) ?? [];
    removed.push(...pruned.map((files) => ({ ...files, version: undefined })));
  }
  return removed;
}

/** Installed drivers that keep saved guests; the others are not even loaded. */
async function installedWithCache({ host }: Session): Promise<readonly string[]> {
  return (await listInstallations(host)).flatMap((found) =>
    'installation' in found && found.installation.manifest.capabilities.resume ? [found.name] : [],
  );
}

/** Digests of the images of all machines, and of those that they can go back to. */
async function imagesInUse(session: Session): Promise<ReadonlySet<string>> {
  const digests = new Set<string>();
  for (const name of await listNames(session)) {
    const { phase, imageDigest, previousImageDigest } = await loadOwnData(session, name);
    if (previousImageDigest !== undefined) {
      digests.add(previousImageDigest);
    }
    if (imageDigest !== undefined) {
      digests.add(imageDigest);
    } else if (phase === 'creating') {
      throw new MachineError('machine-incomplete', `The machine "${name}" is being made.`, {
        why: 'which image it boots is not known yet, so none can be removed',
        remedies: [
          `Run the command again when it is done; if it was interrupted: tsmachine create --resume ${name}`,
        ],
      });
    }
  }
  return digests;
}
