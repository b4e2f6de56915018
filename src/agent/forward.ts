import { openMachine } from '../machine/open.ts';
import { probeOpened, requireEngineUrl } from '../machine/probe.ts';
import { createSession, type Session } from '../machine/session.ts';
import { backOffMs } from './back-off.ts';
import { Publisher } from './publisher.ts';
import { shown, type ShownPort } from './show.ts';
import { wantedPorts } from './wanted.ts';
import { watchEngine, type Watcher } from './watch.ts';
import { openSshLink, remoteWays } from './ways.ts';

/**
 * Forwards what the containers of a machine publish to the loopback addresses of this computer, until the session is
 * interrupted: TCP through SSH, datagrams straight to the machine's address.
 * @param onChange is told all of it whenever it has changed
 * @throws MachineError `machine-not-running`; what kept the first connection to the engine from coming about. One that
 *   is lost later is made again.
 */
export async function forwardPorts(
  session: Session,
  name: string,
  onChange: (ports: readonly ShownPort[]) => void,
): Promise<void> {
  const machine = await openMachine(session, name);
  const probed = await probeOpened(session, machine);
  requireEngineUrl(probed);
  const { host, storePath, emit } = session;
  const ownSession = createSession({ host, storePath, emit, signal: new AbortController().signal });
  const ssh = machine.driver.manifest.capabilities.ssh ? openSshLink(ownSession, machine) : undefined;
  const publisher = new Publisher(host, remoteWays(probed.status, ssh));
  let told: string | undefined;
  let failures = 0;
  const watcher: Watcher = {
    onConnect: () => undefined,
    hasJumped: () => false,
    onContainers: async (containers) => {
      failures = 0;
      const ports = (await publisher.apply(wantedPorts(containers, 'loopback'))).map(shown);
      const text = JSON.stringify(ports);
      if (text !== told) {
        told = text;
        onChange(ports);
      }
    },
  };
  try {
    for (;;) {
      try {
        await watchEngine(session, machine, watcher);
      } catch (error) {
        session.signal.throwIfAborted();
        if (told === undefined) {
          throw error;
        }
        failures += 1;
        await host.clock.sleep(backOffMs(failures), session.signal);
      }
    }
  } catch (error) {
    if (!session.signal.aborted) {
      throw error;
    }
  } finally {
    await publisher.close();
    await ssh?.close();
    await ownSession.close();
  }
}
