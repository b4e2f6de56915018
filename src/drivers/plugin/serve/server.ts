import { MachineError } from '../../../core/errors.ts';
import type { Driver, DriverEnvironment } from '../../driver.ts';
import { serveRpc } from '../rpc/server.ts';
import { servicesOf } from './services.ts';

const heartbeatTimeoutMs = 10_000;
const watchIntervalMs = 500;
/** So long a reply to Close has to reach the host. */
const farewellMs = 100;

/** How a driver is served. */
export interface ServeOptions {
  readonly directoryOf: (storePath: string, name: string) => string;
  /** Tells the host where to connect: its line must be the first on stdout. */
  readonly announce: (address: string) => void;
}

/**
 * Serves a driver to one of docker-machine's kin until that says Close, or is not heard for 10 s.
 * @returns the exit code for the process: 0 after Close, 1 when nothing was heard.
 * @throws MachineError `capability-missing` for a driver that cannot be served.
 */
export async function servePlugin(
  driver: Driver,
  environment: DriverEnvironment,
  options: ServeOptions,
): Promise<number> {
  if (driver.manifest.capabilities.boots === 'image') {
    throw new MachineError(
      'capability-missing',
      `The driver ${driver.manifest.name} cannot be served to other programs.`,
      { why: 'its machines boot an image that gets its identity from tsmachine' },
    );
  }
  const { clock, network } = environment.host;
  let heardMs = clock.monotonicMs();
  const closed = new AbortController();
  const services = servicesOf(driver, {
    ...environment,
    directoryOf: options.directoryOf,
    onHeartbeat: () => {
      heardMs = clock.monotonicMs();
    },
    onClose: () => {
      closed.abort();
    },
  });
  const listener = await network.listen((socket) => {
    void serveRpc(socket, services);
  });
  try {
    options.announce(`127.0.0.1:${listener.port}`);
    const ending = AbortSignal.any([closed.signal, environment.signal]);
    while (clock.monotonicMs() - heardMs <= heartbeatTimeoutMs) {
      await clock.sleep(watchIntervalMs, ending);
    }
    return 1;
  } catch (error) {
    if (!closed.signal.aborted) {
      throw error;
    }
    await clock.sleep(farewellMs);
    return 0;
  } finally {
    await listener.close();
  }
}
