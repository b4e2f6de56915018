import { messageOf } from '../core/errors.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { connectionOf, tlsMaterial } from './connection.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';

const checkTimeoutMs = 20_000;

/** Makes a Docker context for a running machine and selects it. @returns the context's name. */
export async function useMachine(session: Session, name: string): Promise<{ contextName: string }> {
  const connection = await connectionOf(session, name, {
    check: true,
    timeoutMs: checkTimeoutMs,
    renew: 'needed',
  });
  const { useContext } = await import('../engine/contexts.ts');
  const material = await tlsMaterial(session, connection.certDirectory);
  return { contextName: await useContext(session.host, { machine: name, url: connection.url, material }) };
}

/** Brings the Docker context of a machine, if it has one, up to date after a start: its port may have changed. */
export async function refreshMachineContext(session: Session, machine: OpenMachine): Promise<void> {
  const { engineUrl } = await machine.driver.inspect(driverContext(session, machine));
  if (engineUrl !== undefined) {
    const { refreshContext } = await import('../engine/contexts.ts');
    const material = await tlsMaterial(session, machine.directory);
    await refreshContext(session.host, { machine: machine.name, url: engineUrl, material });
  }
}

/**
 * Brings the Docker contexts of all machines up to date, after the store's client certificate has changed. Those of
 * machines that do not run follow when they start; of one that cannot be asked the context keeps what it has.
 */
export async function refreshContexts(session: Session): Promise<void> {
  const { hasContext } = await import('../engine/contexts.ts');
  for (const name of await listMachineDirectories(session.host, session.storePath)) {
    try {
      if (await hasContext(session.host, name)) {
        await refreshMachineContext(session, await openMachine(session, name));
      }
    } catch (error) {
      session.signal.throwIfAborted();
      const message = `The Docker context of "${name}" was not changed: ${messageOf(error)}`;
      session.emit({ type: 'warn', message, machine: name });
    }
  }
}
