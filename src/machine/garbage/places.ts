import { MachineError } from '../../core/errors.ts';
import type { CheckContext, Driver, FlagValues } from '../../drivers/driver.ts';
import { loadDriver } from '../../drivers/registry.ts';
import { ratesDirectory } from '../../store/paths.ts';
import { placeKey, readPlaces, type StoredPlace } from '../../store/places.ts';
import { driverCache } from '../driver-cache.ts';
import { listNames } from '../list.ts';
import { openMachine, type OpenMachine } from '../open.ts';
import { loadDriverState } from '../own-data.ts';
import { placeOfFlags, placeOfMachine } from '../places.ts';
import { readSecrets } from '../secrets.ts';
import type { Session } from '../session.ts';

/** Where is looked, and as whom. */
export interface Lookout {
  readonly driver: Driver;
  readonly place: StoredPlace;
  readonly context: CheckContext<unknown>;
}

/** What the user wants looked at. */
export interface Wanted {
  /** Only places of this driver. */
  readonly driverName?: string | undefined;
  /** Flags of that driver: one place more. */
  readonly flags?: FlagValues | undefined;
  /** Credentials of the command line, by flag of that driver; they hold for all its places. */
  readonly secrets?: Readonly<Record<string, string>> | undefined;
}

/** Where nobody could look, and why. */
export interface Problem {
  readonly place: StoredPlace;
  readonly error: unknown;
}

/**
 * Every place in which the store has made something: of its machines, of those that were there once, and the one that the
 * user names. A place of machines that have secrets of their own is looked at as each of them.
 * @throws MachineError `record-invalid`, `capability-missing` for a driver that has no places, `flag-invalid`.
 */
export async function lookouts(
  session: Session,
  wanted: Wanted,
): Promise<{ readonly found: readonly Lookout[]; readonly problems: readonly Problem[] }> {
  const found = new Map<string, Lookout>();
  const seen = new Set<string>();
  const problems: Problem[] = [];
  const add = (lookout: Lookout): void => {
    const key = placeKey(lookout.place);
    seen.add(key);
    found.set(JSON.stringify([key, lookout.context.secrets]), lookout);
  };
  for (const machine of await openMachines(session)) {
    if (isWanted(machine.driver, wanted)) {
      const lookout = await lookoutOfMachine(session, machine, wanted);
      if (lookout !== undefined) {
        add(lookout);
      }
    }
  }
  const remembered = await readPlaces(session.host, session.storePath);
  for (const place of remembered.filter(({ driver }) => isWantedName(driver, wanted))) {
    if (!seen.has(placeKey(place))) {
      try {
        const driver = await loadDriver(place.driver, session);
        add(lookoutOfFlags(session, driver, { flags: place.flags, secrets: wanted.secrets }));
      } catch (error) {
        problems.push({ place, error });
      }
    }
  }
  if (wanted.driverName !== undefined) {
    const driver = await loadDriver(wanted.driverName, session);
    requirePlaces(driver);
    if (wanted.flags !== undefined) {
      const lookout = lookoutOfFlags(session, driver, { flags: wanted.flags, secrets: wanted.secrets });
      if (!seen.has(placeKey(lookout.place))) {
        add(lookout);
      }
    }
  }
  return { found: [...found.values()], problems };
}

function isWantedName(name: string, { driverName }: Wanted): boolean {
  return driverName === undefined || name === driverName;
}

function isWanted(driver: Driver, wanted: Wanted): boolean {
  return (
    driver.listOwned !== undefined && driver.place !== undefined && isWantedName(driver.manifest.name, wanted)
  );
}

/** @throws MachineError `capability-missing`. */
function requirePlaces(driver: Driver): void {
  if (driver.listOwned === undefined || driver.removeOwned === undefined || driver.place === undefined) {
    const { name } = driver.manifest;
    throw new MachineError('capability-missing', `The driver "${name}" has nothing to clean up.`, {
      why: 'It makes nothing at a provider, or cannot find it again.',
    });
  }
}

/** A record that cannot be used leads nowhere. */
async function openMachines(session: Session): Promise<readonly OpenMachine[]> {
  const names = await listNames(session);
  const opened = await Promise.allSettled(names.map(async (name) => openMachine(session, name)));
  return opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

/** Where a machine is, as itself. Undefined for a driver that has no places. */
export async function lookoutOfMachine(
  session: Session,
  machine: OpenMachine,
  wanted: Wanted = {},
): Promise<Lookout | undefined> {
  const place = await placeOfMachine(session, machine);
  if (place === undefined) {
    return undefined;
  }
  const given = Object.keys(wanted.secrets ?? {}).length > 0 ? wanted.secrets : undefined;
  const context = {
    ...contextOf(session, machine.driver),
    config: machine.config,
    state: await loadDriverState(session, machine.name),
    secrets: given ?? (await readSecrets(session.host, machine.directory)),
  };
  return { driver: machine.driver, place, context };
}

/** The place that flags lead to. @throws MachineError `flag-invalid`. */
export function lookoutOfFlags(
  session: Session,
  driver: Driver,
  { flags, secrets }: Pick<Wanted, 'flags' | 'secrets'>,
): Lookout {
  const configured = driver.configure(flags ?? {});
  const config = driver.readConfig(configured.config);
  const { state = {} } = configured;
  const place = placeOfFlags(driver, driver.place?.(config, state) ?? {});
  const context = { ...contextOf(session, driver), config, state, secrets: secrets ?? {} };
  return { driver, place, context };
}

function contextOf(session: Session, driver: Driver): Omit<CheckContext<unknown>, 'config'> {
  const { host, signal, emit } = session;
  const cache = driverCache(session, driver.manifest.name);
  return {
    host,
    signal,
    emit,
    ratesDirectory: ratesDirectory(session.storePath),
    exclusively: async (name, action) => cache.exclusively(name, action),
  };
}
