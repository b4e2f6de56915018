import type { JsonObject } from '../../core/exact-json.ts';
import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverContext, DriverStatus } from '../driver.ts';
import type { GobValue } from './gob/types.ts';
import { textOf } from './gob/values.ts';
import type { PluginMachine } from './pool.ts';
import { RemoteError } from './rpc/client.ts';
import { powerFromState } from './states.ts';

/** Asks the plugin for everything that is known of a machine. Never throws, except for an abort. */
export async function inspect(
  context: DriverContext<JsonObject>,
  open: () => Promise<PluginMachine>,
): Promise<DriverStatus> {
  try {
    return await ask(context, await open());
  } catch (error) {
    context.signal.throwIfAborted();
    const why = isMachineError(error) && error.why !== undefined ? `: ${error.why}` : '';
    return { power: 'error', detail: `${messageOf(error)}${why}` };
  }
}

async function ask(context: DriverContext<JsonObject>, machine: PluginMachine): Promise<DriverStatus> {
  const state = await machine.ask(context, 'GetState');
  const power = powerFromState(state);
  /** A driver may not know an address, and says so with an error. */
  const known = async (method: string): Promise<GobValue> => {
    try {
      return await machine.ask(context, method);
    } catch (error) {
      if (error instanceof RemoteError) {
        return null;
      }
      throw error;
    }
  };
  const address = textOf(await known('GetIP'));
  const url = power === 'running' ? textOf(await known('GetURL')) : '';
  const ssh = power === 'running' ? await sshOf(known) : undefined;
  return {
    power,
    ...(state === 8 ? { detail: 'the driver says: time-out' } : {}),
    ...(address === '' ? {} : { address }),
    ...(url === '' ? {} : { engineUrl: url }),
    ...(ssh === undefined ? {} : { ssh }),
  };
}

async function sshOf(known: (method: string) => Promise<GobValue>): Promise<DriverStatus['ssh']> {
  const host = textOf(await known('GetSSHHostname'));
  const port = Number(await known('GetSSHPort'));
  if (host === '') {
    return undefined;
  }
  const user = textOf(await known('GetSSHUsername'));
  return {
    host,
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : 22,
    ...(user === '' ? {} : { user }),
    keyPath: textOf(await known('GetSSHKeyPath')),
  };
}
