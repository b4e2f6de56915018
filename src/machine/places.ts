import type { Driver, FlagValues } from '../drivers/driver.ts';
import { placeKey, readPlaces, writePlaces, type StoredPlace } from '../store/places.ts';
import { withCertsLock } from './locks.ts';
import type { OpenMachine } from './open.ts';
import { loadDriverState } from './own-data.ts';
import type { Session } from './session.ts';

/** Where at its provider a machine is; undefined for a driver that has no places. */
export async function placeOfMachine(
  session: Session,
  { name, driver, config }: Pick<OpenMachine, 'name' | 'driver' | 'config'>,
): Promise<StoredPlace | undefined> {
  const flags = driver.place?.(config, await loadDriverState(session, name));
  return flags === undefined ? undefined : placeOfFlags(driver, flags);
}

/** A place as it is kept: of the values only those that say something, and never a secret. */
export function placeOfFlags({ manifest }: Pick<Driver, 'manifest'>, flags: FlagValues): StoredPlace {
  const secrets = new Set(manifest.flags.filter(({ secret }) => secret === true).map(({ name }) => name));
  const said = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined || secrets.has(name) ? [] : [[name, value] as const],
  );
  return { driver: manifest.name, flags: Object.fromEntries(said) };
}

/**
 * Makes sure that the place of a machine is known for good: on the disk when this resolves, before anything is made there.
 * @throws MachineError `record-locked`, `store-write-failed`, `record-invalid`.
 */
export async function rememberPlace(session: Session, machine: OpenMachine): Promise<void> {
  const { host, storePath } = session;
  const place = await placeOfMachine(session, machine);
  if (place === undefined) {
    return;
  }
  const isKnown = (places: readonly StoredPlace[]): boolean =>
    places.some((each) => placeKey(each) === placeKey(place));
  if (isKnown(await readPlaces(host, storePath))) {
    return;
  }
  await withCertsLock(session, async () => {
    const places = await readPlaces(host, storePath);
    if (!isKnown(places)) {
      await writePlaces(host, storePath, [...places, place]);
    }
  });
}
