import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Server } from './api/answers.ts';
import type { OpenStackConfig } from './config.ts';
import { findById, isThere } from './find-server.ts';
import type { OpenStackContext, OpenStackWorld } from './world.ts';

/** Waiting for a server. One that was made a moment ago may not be known everywhere. */

const unknownTimeoutMs = 60_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 10_000;

/** The address by which the machine is reached. Nova may be behind with a floating one, so that of the record counts, too. */
export function addressOf(server: Server, config: OpenStackConfig): string | undefined {
  if (config.floatingPool !== '') {
    const floating = server.addresses.find(({ isFloating }) => isFloating)?.address;
    return floating ?? (config.address === '' ? undefined : config.address);
  }
  return server.addresses.find(({ isFloating, version }) => !isFloating && version === config.ipVersion)
    ?.address;
}

/** Waits until it is ACTIVE. @throws MachineError `vm-start-failed` when it fails instead; `timeout`. */
export async function waitUntilActive(
  context: OpenStackContext,
  world: OpenStackWorld,
  isReached: (server: Server) => boolean = () => true,
): Promise<Server> {
  return waitUntil(context, world, {
    what: `the server of "${context.name}" to be active and have an address`,
    isReached: (server) => server.status === 'ACTIVE' && server.task === undefined && isReached(server),
  });
}

/** What is waited for. */
export interface ServerWait {
  readonly what: string;
  readonly isReached: (server: Server) => boolean;
  readonly timeoutMs?: number;
}

/** @throws MachineError `vm-start-failed` for a server that is gone or in ERROR. */
export async function waitUntil(
  { config, host, signal, name }: OpenStackContext,
  { openstack }: OpenStackWorld,
  { what, isReached, timeoutMs = config.activeTimeoutS * 1000 }: ServerWait,
): Promise<Server> {
  const beganMs = host.clock.monotonicMs();
  let last = 'not known yet';
  return waitFor(
    async () => {
      const found = await findById(openstack, config.serverId);
      if (found === undefined && host.clock.monotonicMs() - beganMs < unknownTimeoutMs) {
        return undefined;
      }
      if (found === undefined || !isThere(found)) {
        throw new MachineError('vm-start-failed', `The server ${config.serverId} of "${name}" is gone.`, {
          why: 'Nova does not know it any more.',
          remedies: [`tsmachine rm ${name}`],
        });
      }
      last = found.task === undefined ? found.status : `${found.status} (${found.task})`;
      if (found.status === 'ERROR') {
        throw new MachineError('vm-start-failed', `The server ${config.serverId} of "${name}" is in ERROR.`, {
          ...(found.fault === undefined ? {} : { why: found.fault }),
          remedies: [`tsmachine rm ${name}`],
        });
      }
      return isReached(found) ? found : undefined;
    },
    {
      clock: host.clock,
      timeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what,
      hint: () => `The server ${config.serverId} is ${last}.`,
    },
  );
}
