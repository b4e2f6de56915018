import { MachineError } from '../core/errors.ts';
import type { Driver, FlagValues, ShareWay } from '../drivers/driver.ts';
import { requireChecks } from './checks.ts';
import { requireFinished } from './finished.ts';
import { writeGuestFiles } from './guest-files.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, saveDriverPart, type OpenMachine } from './open.ts';
import { loadOwnData, saveShares, type OwnData } from './own-data.ts';
import { planShares } from './plan-shares.ts';
import type { Session } from './session.ts';
import { guestShareList, sharesOf, type SharePlan } from './shares.ts';

const lockTimeoutMs = 30_000;

/** What is to be different. */
export interface MachineChange {
  /** New values of the driver's changeable flags, by alias: `cpus`, `memory`, `disk`. */
  readonly values: FlagValues;
  /** As --share of create; undefined leaves the shares as they are. */
  readonly shares?: readonly string[] | undefined;
  /** As --share-type of create, `auto` for the best way; undefined leaves it as it is. */
  readonly shareType?: ShareWay | 'auto' | undefined;
}

/**
 * Changes the settings of a machine that exists; they hold from its next start on.
 * @returns whether the machine runs, and so still has the old ones
 * @throws MachineError `flag-invalid`, `host-not-ready`, `machine-incomplete`, and whatever openMachine throws.
 */
export async function changeMachine(
  session: Session,
  name: string,
  change: MachineChange,
): Promise<{ readonly isRunning: boolean }> {
  await openMachine(session, name);
  return withMachineLock(session, name, { verb: 'set', timeoutMs: lockTimeoutMs }, async () => {
    const machine = await openMachine(session, name);
    await requireFinished(session, name);
    const { driver, config } = machine;
    const values = flagValuesOf(driver, change.values);
    const part = Object.keys(values).length === 0 ? {} : (driver.change?.(values, config) ?? {});
    const newConfig = driver.readConfig({ ...machine.record.Driver, ...part });
    const sharing = await sharingOf(session, { ...machine, config: newConfig }, change);
    await requireChecks(session, driver, newConfig);
    if (sharing !== undefined) {
      const shares = guestShareList(sharesOf(sharing.shares, sharing.way));
      await writeGuestFiles(session.host, machine.directory, { shares });
      await saveShares(session, name, sharing);
    }
    await saveDriverPart(session, machine, part);
    return { isRunning: await isRunning(session, machine) };
  });
}

/** What the machine is to see from now on; undefined when that does not change. */
async function sharingOf(
  session: Session,
  { name, driver, config }: OpenMachine,
  { shares, shareType }: MachineChange,
): Promise<SharePlan | undefined> {
  if (shares === undefined && shareType === undefined) {
    return undefined;
  }
  const own = await loadOwnData(session, name);
  const present = own.shareWay ?? own.shares[0]?.way;
  const way = shareType === undefined ? present : shareType === 'auto' ? undefined : shareType;
  const plan = await planShares(session, driver, config, { asked: shares ?? ['none'], way });
  return shares === undefined ? { ...plan, shares: directoriesOf(own) } : plan;
}

function directoriesOf({ shares }: OwnData): SharePlan['shares'] {
  return shares.map(({ path, isReadOnly, guestPaths }) => ({ path, readOnly: isReadOnly, guestPaths }));
}

/** @throws MachineError `flag-invalid` for what machines of this driver do not have. */
function flagValuesOf(driver: Driver, values: FlagValues): FlagValues {
  const flags = driver.manifest.flags.filter((flag) => flag.changeable === true);
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([alias, value]) => {
      const flag = flags.find(({ aliases }) => aliases?.includes(alias));
      if (flag === undefined) {
        throw new MachineError(
          'flag-invalid',
          `--${alias} cannot be changed for machines of the driver ${driver.manifest.name}.`,
        );
      }
      return [flag.name, value];
    }),
  );
}

async function isRunning(session: Session, machine: OpenMachine): Promise<boolean> {
  const { power } = await machine.driver.inspect(driverContext(session, machine));
  return power !== 'stopped' && power !== 'absent';
}
