import { formatGoJson, type JsonObject } from '../../core/exact-json.ts';
import { messageOf } from '../../core/errors.ts';
import type { DriverContext, Step, StepFacts } from '../driver.ts';
import { asDriverError } from './connection.ts';
import type { PluginMachine } from './pool.ts';
import { powerOf, remove, waitForPower } from './power.ts';
import { RemoteError } from './rpc/client.ts';

const createTimeoutMs = 3_600_000;
/** Pauses between two snapshots; the last one repeats. What a driver makes first, it makes early. */
const snapshotPausesMs = [250, 500, 1000, 3000] as const;

/**
 * The one step of a plugin's create. The protocol tells nothing of what is made until all is made, so the
 * configuration is saved again and again while the plugin works: a create that is killed leaves what `rm` needs.
 */
export function createStep(context: DriverContext<JsonObject>, open: () => Promise<PluginMachine>): Step {
  return {
    name: 'create',
    summary: 'Creating the machine',
    done: async () => {
      const machine = await open();
      machine.wasBegun = true;
      return (await powerOf(context, machine)) === 'running';
    },
    run: async () => create(context, await open()),
    undo: async () => {
      await remove(context, await open());
    },
  };
}

async function create(
  context: DriverContext<JsonObject>,
  machine: PluginMachine,
): Promise<StepFacts | undefined> {
  if (machine.wasBegun) {
    await removeHalf(context, machine);
  }
  const settled = new AbortController();
  const snapshots = takeSnapshots(context, machine, settled.signal);
  try {
    await machine.command(context, 'Create', createTimeoutMs);
  } catch (error) {
    settled.abort();
    await snapshots;
    await saveSnapshot(context, machine);
    if (!(error instanceof RemoteError)) {
      // Interrupted, or it does not answer: it must not go on making things behind our back.
      await machine.close();
    }
    throw asDriverError(error, 'Error creating machine: Error in driver during machine creation: ');
  } finally {
    settled.abort();
    await snapshots;
  }
  await context.save(await machine.configuration(context));
  await waitForPower(context, machine, ['running']);
  return undefined;
}

/** Most drivers cannot create over the remains of an earlier attempt. */
async function removeHalf(context: DriverContext<JsonObject>, machine: PluginMachine): Promise<void> {
  try {
    await machine.command(context, 'Remove', createTimeoutMs);
  } catch (error) {
    if (!(error instanceof RemoteError)) {
      throw error;
    }
    const message = `The driver could not remove what an earlier attempt may have left: ${messageOf(error)}`;
    context.emit({ type: 'warn', machine: context.name, message });
  }
  machine.wasBegun = false;
}

async function takeSnapshots(
  context: DriverContext<JsonObject>,
  machine: PluginMachine,
  settled: AbortSignal,
): Promise<void> {
  const { clock } = context.host;
  let saved = '';
  try {
    for (let count = 0; ; count += 1) {
      await clock.sleep(snapshotPausesMs[count] ?? 3000, settled);
      saved = await saveSnapshot(context, machine, saved);
    }
  } catch (error) {
    if (!settled.aborted) {
      const message = `Cannot save what the driver has made so far: ${messageOf(error)}`;
      context.emit({ type: 'warn', machine: context.name, message });
    }
  }
}

/** @returns the text of what is saved now. */
async function saveSnapshot(
  context: DriverContext<JsonObject>,
  machine: PluginMachine,
  saved = '',
): Promise<string> {
  const config = await machine.snapshot();
  const text = config === undefined ? saved : formatGoJson(config);
  if (config !== undefined && text !== saved) {
    await context.save(config);
  }
  return text;
}
