import { MachineError } from '../core/errors.ts';
import type { DriverStatus, PowerState } from '../drivers/driver.ts';
import type { MachineRecord } from '../store/record.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';

/** A machine and what its driver has just found out about it. */
export interface ProbedMachine {
  readonly name: string;
  readonly driverName: string;
  readonly directory: string;
  readonly record: MachineRecord;
  readonly status: DriverStatus;
}

/**
 * Reads a machine and asks its driver how it is.
 * @throws MachineError `machine-not-found` and the errors of a record that cannot be used.
 */
export async function probeMachine(session: Session, name: string): Promise<ProbedMachine> {
  return probeOpened(session, await openMachine(session, name));
}

/**
 * The same for a command that connects to the machine anyhow, or only wants to know where it is: where asking costs a
 * request to a provider, what stands in the record is the answer.
 */
export async function recallMachine(session: Session, name: string): Promise<ProbedMachine> {
  const machine = await openMachine(session, name);
  const status = machine.driver.recall?.(machine.config);
  return status === undefined ? probeOpened(session, machine) : withStatus(machine, status);
}

/** Asks the driver of a machine that was opened already how it is. */
export async function probeOpened(session: Session, machine: OpenMachine): Promise<ProbedMachine> {
  return withStatus(machine, await machine.driver.inspect(driverContext(session, machine)));
}

/** A machine together with what was found out. */
export function withStatus(machine: OpenMachine, status: DriverStatus): ProbedMachine {
  return {
    name: machine.name,
    driverName: machine.record.DriverName,
    directory: machine.directory,
    record: machine.record,
    status,
  };
}

/** DOCKER_HOST of a running machine. @throws MachineError `machine-not-running`. */
export function requireEngineUrl(machine: ProbedMachine): string {
  if (machine.status.engineUrl === undefined) {
    throw new MachineError('machine-not-running', 'Host is not running', {
      why: machine.status.detail ?? `the machine "${machine.name}" is ${stateName(machine.status.power)}`,
      remedies: [`tsmachine start ${machine.name}`],
    });
  }
  return machine.status.engineUrl;
}

const stateNames: Readonly<Record<PowerState, string>> = {
  running: 'Running',
  paused: 'Paused',
  saved: 'Saved',
  stopped: 'Stopped',
  stopping: 'Stopping',
  starting: 'Starting',
  error: 'Error',
  absent: 'Stopped',
  unmanaged: 'Running',
};

/** The state's name as docker-machine prints it. */
export function stateName(power: PowerState): string {
  return stateNames[power];
}
