import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus, PowerState, SshEndpoint } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import type { Droplet } from './answers.ts';
import type { DropletConfig, DropletState } from './config.ts';
import { findById } from './find-droplet.ts';
import { addressOf } from './wait-droplet.ts';
import { openWorld, type DropletContext } from './world.ts';

const powerStates: Readonly<Record<string, PowerState>> = {
  new: 'starting',
  active: 'running',
  off: 'stopped',
  archive: 'stopped',
};

/** How the machine is, from DigitalOcean. What it does not tell is an error state with the reason. */
export async function inspectDroplet(context: DropletContext): Promise<DriverStatus> {
  const { config, signal } = context;
  if (config.dropletId === 0) {
    return { power: 'absent', detail: 'it has no droplet yet' };
  }
  try {
    const { api, state } = await openWorld(context);
    return statusOf(await findById(api, config.dropletId), config, state);
  } catch (error) {
    signal.throwIfAborted();
    return failedStatus(error);
  }
}

/** The status of a droplet as DigitalOcean tells it; undefined for one that it does not know. */
export function statusOf(
  droplet: Droplet | undefined,
  config: DropletConfig,
  state: Pick<DropletState, 'usesPrivateAddress'>,
): DriverStatus {
  if (droplet === undefined) {
    return { power: 'absent', detail: `DigitalOcean does not know the droplet ${config.dropletId}` };
  }
  const power = powerStates[droplet.status] ?? 'error';
  if (power !== 'running') {
    return { power, detail: `the droplet ${droplet.id} is ${droplet.status}` };
  }
  const address = addressOf(droplet, state);
  return { power, ...(address === undefined ? {} : endpointsOf(address, config)) };
}

/** The status of a machine that could not be asked for. */
export function failedStatus(error: unknown): DriverStatus {
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  return { power: 'error', detail: `${messageOf(error)}${why}` };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: DropletConfig): DriverStatus | undefined {
  return config.address === '' || config.dropletId === 0
    ? undefined
    : { power: 'running', ...endpointsOf(config.address, config) };
}

function endpointsOf(
  address: string,
  config: DropletConfig,
): Pick<DriverStatus, 'address' | 'ssh' | 'engineUrl'> {
  const { ssh, ...others } = hostEndpoints(address, config);
  // A key of the account whose private half was not named is in the user's agent, or among the user's keys.
  const isElsewhere = config.keyFingerprint !== '' && config.ownKeyPath === '';
  const endpoint: SshEndpoint | undefined = ssh === undefined || !isElsewhere ? ssh : { ...ssh, keyPath: '' };
  return { ...others, ...(endpoint === undefined ? {} : { ssh: endpoint }) };
}
