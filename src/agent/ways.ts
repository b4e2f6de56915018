import type { Duplex } from 'node:stream';
import { isMachineError } from '../core/errors.ts';
import type { DriverStatus, PortForward } from '../drivers/driver.ts';
import { hasOwnAddress } from '../machine/addresses.ts';
import { driverContext, type OpenMachine } from '../machine/open.ts';
import type { Session } from '../machine/session.ts';
import type { SshConnection } from '../ssh/types.ts';
import type { Ways } from './publisher.ts';

/** An SSH connection that is made when it is first needed, and again after it was lost. */
export interface SshLink {
  connection(): Promise<SshConnection>;
  close(): Promise<void>;
}

/** Prepares one. */
export function openSshLink(session: Session, machine: OpenMachine): SshLink {
  let current: Promise<SshConnection> | undefined;
  const connect = async (): Promise<SshConnection> => {
    const { connectSsh } = await import('../machine/remote.ts');
    return connectSsh(session, machine);
  };
  return {
    connection: async () => {
      if (current === undefined) {
        const made = connect();
        current = made;
        const forget = (): void => {
          current = current === made ? undefined : current;
        };
        made.then(async ({ closed }) => closed).then(forget, forget);
      }
      return current;
    },
    close: async () => {
      const last = current;
      current = undefined;
      await last?.then(
        async (connection) => connection.close(),
        () => undefined,
      );
    },
  };
}

/** The ways of the background agent: the hypervisor where it can, and SSH for what it cannot. */
export async function agentWays(session: Session, machine: OpenMachine, ssh: SshLink): Promise<Ways> {
  const { driver } = machine;
  const dial = dialBy(ssh);
  if (driver.manifest.capabilities.forwards !== true) {
    return { dial };
  }
  const list = async (): Promise<readonly PortForward[]> =>
    (await driver.listForwards?.(driverContext(session, machine))) ?? [];
  try {
    await list();
  } catch (error) {
    if (isMachineError(error) && error.code === 'capability-missing') {
      return { dial, ...(await directWay(session, machine)) };
    }
    throw error;
  }
  return {
    dial,
    hypervisor: {
      list,
      change: async (change) =>
        (await driver.changeForwards?.(driverContext(session, machine), change)) ?? [],
      openLoopback: async () => {
        await withSsh(session, machine, async (connection) => {
          const { openGuestLoopback } = await import('./guest-loopback.ts');
          await openGuestLoopback(connection);
        });
      },
    },
  };
}

/** The way to a machine that has an address of its own in a network of this computer. */
async function directWay(
  session: Session,
  machine: OpenMachine,
): Promise<{ readonly directAddress?: string }> {
  if (!hasOwnAddress(machine)) {
    return {};
  }
  const { address } = await machine.driver.inspect(driverContext(session, machine));
  return address === undefined ? {} : { directAddress: address };
}

/** One short conversation: each connection costs the guest a process. */
export async function withSsh(
  session: Session,
  machine: OpenMachine,
  action: (connection: SshConnection) => Promise<void>,
): Promise<void> {
  const { connectSsh } = await import('../machine/remote.ts');
  const connection = await connectSsh(session, machine);
  try {
    await action(connection);
  } finally {
    await connection.close();
  }
}

/** The ways to a machine that has a network of its own. */
export function remoteWays(status: DriverStatus, ssh: SshLink | undefined): Ways {
  return {
    ...(ssh === undefined ? {} : { dial: dialBy(ssh) }),
    ...(status.address === undefined ? {} : { datagramAddress: status.address }),
  };
}

function dialBy(ssh: SshLink): (address: string, port: number) => Promise<Duplex> {
  return async (address, port) => (await ssh.connection()).dial(address, port);
}
