import { MachineError } from '../core/errors.ts';
import type { Driver, FlagValues } from '../drivers/driver.ts';
import { requireChecks } from './checks.ts';
import { requireFinished } from './finished.ts';
import { writeGuestFiles } from './guest-files.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, saveDriverPart, type OpenMachine } from './open.ts';
import { saveShares } from './own-data.ts';
import type { Session } from './session.ts';
import { chooseShares, guestShareList, sharesOf } from './shares.ts';

const lockTimeoutMs = 30_000;

/** What is to be different. */
export interface MachineChange {
  /** New values of the driver's changeable flags, by alias: `cpus`, `memory`, `disk`. */
  readonly values: FlagValues;
  /** As --share of create; undefined leaves the shares as they are. */
  readonly shares?: readonly string[] | undefined;
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
    const shares =
      change.shares === undefined
        ? undefined
        : await chooseShares(session.host, driver.manifest, change.shares);
    await requireChecks(session, driver, driver.readConfig({ ...machine.record.Driver, ...part }));
    if (shares !== undefined) {
      await writeGuestFiles(session.host, machine.directory, { shares: guestShareList(sharesOf(shares)) });
      await saveShares(session, name, shares);
    }
    await saveDriverPart(session, machine, part);
    return { isRunning: await isRunning(session, machine) };
  });
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
