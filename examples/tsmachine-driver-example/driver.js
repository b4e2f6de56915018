import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineDriver, MachineError } from 'tsmachine/driver';
import { manifest } from './manifest.js';

/**
 * @typedef {{ readonly greeting: string }} Config The driver's own part of config.json, after readConfig.
 * @typedef {import('tsmachine/driver').DriverContext<Config>} Context
 */

const startTimeoutMs = 15_000;
const stopTimeoutMs = 10_000;
const pollMs = 50;
const engineProgram = fileURLToPath(new URL('engine.js', import.meta.url));

export default defineDriver(manifest, {
  // Flag values to what is kept in config.json. Pure: the same values, the same answer.
  configure: (values) => ({ config: { Greeting: greetingOf(values['example-greeting'], 'flag-invalid') } }),

  // And back. A record may come from anywhere, so every field is checked.
  readConfig: (raw) => ({ greeting: greetingOf(raw['Greeting'], 'record-invalid') }),

  // What could be wrong with this computer, as data.
  check: async () => [
    { severity: 'ok', code: 'example-node', message: `machines are processes of ${process.execPath}` },
  ],

  // What makes the machine. Written to the journal before it runs, so it can be run again and undone.
  steps: (context) => [
    {
      name: 'place',
      summary: 'Making a place for the engine',
      done: async () => isMade(context),
      run: async () => {
        await context.host.files.makeDirectory(placeOf(context), 0o700);
        return { place: placeOf(context) };
      },
      undo: async () => context.host.files.remove(placeOf(context)),
    },
  ],

  start,
  stop: (context) => end(context, 'SIGTERM'),
  kill: (context) => end(context, 'SIGKILL'),
  remove: async (context) => {
    await end(context, 'SIGKILL');
    await context.host.files.remove(placeOf(context));
  },

  // How the machine is at this moment. It is asked, never remembered.
  inspect: async (context) => {
    if (await findProcess(context)) {
      return { power: 'running', engineUrl: `unix://${socketOf(context)}` };
    }
    return { power: (await isMade(context)) ? 'stopped' : 'absent' };
  },

  logs: (context) => [{ name: 'engine', path: path.join(placeOf(context), 'engine.log') }],
});

/** @param {Context} context */
async function start(context) {
  const { host, signal, config } = context;
  signal.throwIfAborted();
  if (await findProcess(context)) {
    return; // already so is success
  }
  await host.files.remove(socketOf(context));
  const identity = await host.processes.spawnDetached(
    process.execPath,
    [engineProgram, socketOf(context), config.greeting],
    { logPath: path.join(placeOf(context), 'engine.log') },
  );
  // A pid alone may be somebody else's tomorrow; pid and start time never are.
  await host.files.writeAtomic(processFile(context), JSON.stringify(identity), 0o600);
  await until(context, startTimeoutMs, async () => canConnect(context));
}

/**
 * @param {Context} context
 * @param {'SIGTERM' | 'SIGKILL'} signal
 */
async function end(context, signal) {
  const identity = await findProcess(context);
  if (identity) {
    await context.host.processes.signal(identity, signal);
    await until(context, stopTimeoutMs, async () => !(await context.host.processes.isAlive(identity)));
  }
}

/** The engine's process, if it runs. @param {Context} context */
async function findProcess(context) {
  const { files, processes } = context.host;
  const text = await files.readText(processFile(context)).catch(() => undefined);
  const identity = text === undefined ? undefined : JSON.parse(text);
  return identity !== undefined && (await processes.isAlive(identity)) ? identity : undefined;
}

/** @param {Context} context */
async function canConnect(context) {
  const { host, signal } = context;
  try {
    const socket = await host.network.connect({ path: socketOf(context) }, { timeoutMs: 1000, signal });
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}

/**
 * Every wait has a bound and heeds the signal.
 * @param {Context} context
 * @param {number} timeoutMs
 * @param {() => Promise<boolean>} condition
 */
async function until({ host, signal, name }, timeoutMs, condition) {
  const deadlineMs = host.clock.monotonicMs() + timeoutMs;
  while (!(await condition())) {
    if (host.clock.monotonicMs() > deadlineMs) {
      throw new MachineError(
        'timeout',
        `The engine of "${name}" did not react within ${timeoutMs / 1000} s.`,
      );
    }
    await host.clock.sleep(pollMs, signal);
  }
}

/** @param {Context} context */
async function isMade(context) {
  return (await context.host.files.stat(placeOf(context))) !== undefined;
}

// Everything of a machine is in its directory, so that it goes with it.
/** @param {Pick<Context, 'directory'>} context */
function placeOf({ directory }) {
  return path.join(directory, 'example');
}

/** @param {Pick<Context, 'directory'>} context */
function socketOf(context) {
  return path.join(placeOf(context), 'engine.sock');
}

/** @param {Pick<Context, 'directory'>} context */
function processFile(context) {
  return path.join(placeOf(context), 'process.json');
}

/**
 * @param {unknown} value
 * @param {'flag-invalid' | 'record-invalid'} code
 */
function greetingOf(value, code) {
  if (typeof value !== 'string' || !/^[\w.-]{1,40}$/.test(value)) {
    throw new MachineError(code, 'A greeting has 1 to 40 letters, digits, dots and dashes.');
  }
  return value;
}
