import { MachineError } from '../core/errors.ts';
import type { DriverStatus } from '../drivers/driver.ts';
import { driverContext, type OpenMachine } from './open.ts';
import { placeKey } from '../store/places.ts';
import { placeOfMachine } from './places.ts';
import type { Session } from './session.ts';

/** Asks how a machine is that was announced. Throws what its driver throws. */
export type AskMany = (machine: OpenMachine) => Promise<DriverStatus>;

/**
 * Asks how machines are: those of one place at a provider together, where its driver can, all others each for itself.
 * One place that does not answer keeps nobody else waiting.
 */
export function askMany(session: Session, opened: readonly Promise<OpenMachine>[]): AskMany {
  let groups: Promise<Groups> | undefined;
  return async (machine) => {
    if (machine.driver.inspectMany !== undefined) {
      groups ??= groupByPlace(session, opened);
      const group = (await groups).get(machine.name);
      if (group !== undefined) {
        return group(machine);
      }
    }
    return machine.driver.inspect(driverContext(session, machine));
  };
}

/** By name: asks for all machines of its place, once. */
type Groups = ReadonlyMap<string, AskMany>;

async function groupByPlace(session: Session, opened: readonly Promise<OpenMachine>[]): Promise<Groups> {
  const settled = await Promise.allSettled(opened);
  const machines = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const byPlace = new Map<string, OpenMachine[]>();
  for (const machine of machines.filter(({ driver }) => driver.inspectMany !== undefined)) {
    const key = await groupKey(session, machine);
    byPlace.set(key, [...(byPlace.get(key) ?? []), machine]);
  }
  return new Map(
    [...byPlace.values()]
      .filter((group) => group.length > 1)
      .flatMap((group) => {
        const ask = askGroup(session, group);
        return group.map(({ name }) => [name, ask] as const);
      }),
  );
}

/** Whoever has a private state that cannot be read is asked for alone, and says so. */
async function groupKey(session: Session, machine: OpenMachine): Promise<string> {
  const { name, driver } = machine;
  try {
    return placeKey((await placeOfMachine(session, machine)) ?? { driver: driver.manifest.name, flags: {} });
  } catch {
    return `${driver.manifest.name} ${name}`;
  }
}

function askGroup(session: Session, group: readonly OpenMachine[]): AskMany {
  let answers: Promise<readonly DriverStatus[]> | undefined;
  return async (machine) => {
    answers ??= machine.driver.inspectMany?.(group.map((each) => driverContext(session, each)));
    const status = (await answers)?.[group.findIndex(({ name }) => name === machine.name)];
    if (status === undefined) {
      throw new MachineError('bug', `The driver said nothing about the machine "${machine.name}".`);
    }
    return status;
  };
}
