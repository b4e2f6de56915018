import { parseJson, type JsonObject } from '../../core/exact-json.ts';
import { MachineError } from '../../core/errors.ts';
import {
  defineDriver,
  type ConfigurePlace,
  type Configured,
  type Driver,
  type DriverContext,
  type DriverEnvironment,
  type DriverManifest,
  type Finding,
  type FlagValues,
} from '../driver.ts';
import { asDriverError } from './connection.ts';
import { createStep } from './create.ts';
import type { PluginProgram } from './find.ts';
import { flagValuesArgument, rawOptionFlag, rawOptions, unsetImageFlags, type PluginFlag } from './flags.ts';
import { inspect } from './inspect.ts';
import { pluginManifest } from './manifest.ts';
import { poolOf, type PluginMachine, type PluginPool } from './pool.ts';
import { kill, remove, restart, start, stop } from './power.ts';
import { RemoteError } from './rpc/client.ts';

const quickTimeoutMs = 60_000;
/** Checks of cloud drivers ask several services. */
const checkTimeoutMs = 300_000;

/** Flags and capabilities of a plugin's driver. Starts the plugin. @throws MachineError `plugin-failed`. */
export async function loadPluginManifest(
  environment: DriverEnvironment,
  program: PluginProgram,
): Promise<DriverManifest> {
  const flags = await poolOf(environment, program).flags(environment);
  return pluginManifest(program.driverName, [...flags.map(({ definition }) => definition), rawOptionFlag]);
}

/** A plugin's driver. The plugin is started when the first method needs it. */
export function createPluginDriver(environment: DriverEnvironment, program: PluginProgram): Driver {
  const pool = poolOf(environment, program);
  const manifest = pluginManifest(program.driverName, []);
  /** The machine's process, with the configuration that the caller knows. */
  const machineOf = async (
    context: Omit<DriverContext<JsonObject>, 'directory' | 'save'>,
  ): Promise<PluginMachine> => {
    const machine = pool.machine(context.name);
    await machine.configure(context, context.config);
    return machine;
  };
  return defineDriver<JsonObject>(manifest, {
    configure: () => {
      throw new MachineError('bug', 'The configuration of a plugin can only be made by the plugin.');
    },
    configureWith: async (values, place) => configureWith(environment, pool, values, place),
    readConfig: (raw) => raw,
    check: async (context) => {
      const name = context.config['MachineName'];
      const machine = typeof name === 'string' ? pool.machine(name) : undefined;
      return machine?.isNew === true ? preCreateCheck(machine, context) : [];
    },
    steps: (context) => [createStep(context, async () => machineOf(context))],
    start: async (context) => start(context, await machineOf(context)),
    stop: async (context) => stop(context, await machineOf(context)),
    kill: async (context) => kill(context, await machineOf(context)),
    restart: async (context) => restart(context, await machineOf(context)),
    remove: async (context) => remove(context, await machineOf(context)),
    inspect: async (context) => inspect(context, async () => machineOf(context)),
  });
}

/** The configuration of a new machine: the constructor's defaults of the plugin, changed by the flags. */
async function configureWith(
  environment: DriverEnvironment,
  pool: PluginPool,
  values: FlagValues,
  place: ConfigurePlace,
): Promise<Configured> {
  const flags = await pool.flags(environment);
  const typeName = (await pool.isFirstVersion(environment)) ? '*rpcdriver.RpcFlags' : '*rpcdriver.RPCFlags';
  const machine = pool.machine(place.name);
  await machine.configure(environment, {
    IPAddress: '',
    MachineName: place.name,
    SSHUser: '',
    SSHPort: 0,
    SSHKeyPath: '',
    StorePath: place.storePath,
    SwarmMaster: false,
    SwarmHost: '',
    SwarmDiscovery: '',
    ...rawOptions(values, parseJson),
  });
  const withImage = { ...values, ...(await imageValues(environment, flags, values, place)) };
  const argument = flagValuesArgument(flags, withImage, place.sharedFlags, typeName);
  try {
    await machine.command(environment, 'SetConfigFromFlags', quickTimeoutMs, argument);
  } catch (error) {
    throw error instanceof RemoteError ? new MachineError('flag-invalid', error.message) : error;
  }
  try {
    const config = await machine.configuration(environment);
    machine.isNew = true;
    return { config };
  } catch (error) {
    throw asDriverError(error);
  }
}

/** Our image, for a plugin that boots one and was not told which. */
async function imageValues(
  { emit }: DriverEnvironment,
  flags: readonly PluginFlag[],
  values: FlagValues,
  place: ConfigurePlace,
): Promise<FlagValues> {
  const names = unsetImageFlags(flags, values);
  const url = names.length === 0 ? undefined : await place.findIso();
  if (url === undefined) {
    return {};
  }
  const given = names.map((name) => `--${name}`).join(', ');
  emit({
    type: 'note',
    machine: place.name,
    message: `The machine gets the image of tsmachine (${given} ${url}).`,
  });
  return Object.fromEntries(names.map((name) => [name, url]));
}

async function preCreateCheck(
  machine: PluginMachine,
  context: Omit<DriverContext<JsonObject>, 'directory' | 'name' | 'save'>,
): Promise<readonly Finding[]> {
  try {
    await machine.command(context, 'PreCreateCheck', checkTimeoutMs);
    return [];
  } catch (error) {
    if (error instanceof RemoteError) {
      return [{ severity: 'error', code: 'pre-create-check', message: error.message }];
    }
    throw error;
  }
}
