import { MachineError } from '../core/errors.ts';
import { installationDirectory, isDriverName } from '../drivers/npm/directory.ts';
import { driverNames } from '../drivers/registry.ts';
import { removeInstallation } from './install-driver.ts';
import { listNames, rawDriverName } from './list.ts';
import type { Session } from './session.ts';

/**
 * Removes an installed driver.
 * @throws MachineError `driver-unknown`; `driver-in-use` while machines of the store need it, not with `force`.
 */
export async function removeDriver(
  session: Session,
  name: string,
  options: { readonly force: boolean },
): Promise<void> {
  await requireInstalled(session, name);
  const machines = await machinesOf(session, name);
  if (machines.length > 0 && !options.force) {
    const which =
      machines.length === 1 ? `the machine ${machines[0] ?? ''} is` : `machines are: ${machines.join(', ')};`;
    throw new MachineError('driver-in-use', `The driver "${name}" is in use.`, {
      why: `${which} of this driver, and nothing else can stop or remove ${machines.length === 1 ? 'it' : 'them'}`,
      remedies: [`tsmachine rm ${machines.join(' ')}`, `tsmachine driver rm --force ${name}`],
      facts: { machines },
    });
  }
  await removeInstallation(session, name);
}

async function requireInstalled({ host }: Session, name: string): Promise<void> {
  if (driverNames.includes(name)) {
    throw new MachineError('driver-unknown', `The driver "${name}" is built in and cannot be removed.`, {
      remedies: [],
    });
  }
  // Whatever is in its place counts, also what is broken: that is what one wants to be rid of.
  if (!isDriverName(name) || (await host.files.stat(installationDirectory(host.facts, name))) === undefined) {
    throw new MachineError('driver-unknown', `No driver "${name}" is installed.`, {
      remedies: ['Run "tsmachine driver ls" to see the drivers.'],
    });
  }
}

async function machinesOf(session: Session, driver: string): Promise<readonly string[]> {
  const names = await listNames(session);
  const drivers = await Promise.all(names.map((name) => rawDriverName(session, name)));
  return names.filter((_, index) => drivers[index] === driver);
}
