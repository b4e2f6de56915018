import { formatGoJson, isJsonObject, parseJson, type JsonObject } from '../../core/exact-json.ts';
import { isMachineError } from '../../core/errors.ts';
import type { DriverEnvironment } from '../driver.ts';
import { openPlugin, type PluginConnection } from './connection.ts';
import type { PluginProgram } from './find.ts';
import { flagsFromReply, type PluginFlag } from './flags.ts';
import { gobBytes, type GobValue } from './gob/types.ts';
import type { PluginEnvironment } from './process.ts';
import type { Typed } from './rpc/client.ts';

/** Whom to tell and what ends the waiting: of the operation, which may be narrower than the command. */
export type PluginCaller = PluginEnvironment & { readonly signal: AbortSignal };

const quickCallTimeoutMs = 60_000;
const snapshotTimeoutMs = 2000;

/** One machine of a plugin: the process that has its configuration, started again when it has died. */
export interface PluginMachine {
  /** True when its configuration was made in this command from flags. */
  isNew: boolean;
  /** True when the creation was begun before by a command that did not come to its end. */
  wasBegun: boolean;
  /** True when the driver has removed it in this command. */
  isRemoved: boolean;
  /** A question without effect: asked again of a new process when the plugin has died. */
  ask(caller: PluginCaller, method: string): Promise<GobValue>;
  /** A call that changes something. Never repeated. */
  command(caller: PluginCaller, method: string, timeoutMs: number, argument?: Typed): Promise<void>;
  /** The driver's part of config.json as the plugin has it now. @throws when it gives none. */
  configuration(caller: PluginCaller): Promise<JsonObject>;
  /** The same while a call is being worked on; undefined when it cannot be had. */
  snapshot(): Promise<JsonObject | undefined>;
  /** Makes sure that the plugin works with this configuration. */
  configure(caller: PluginCaller, config: JsonObject): Promise<void>;
  /** Ends the process; the next call starts another one. */
  close(): Promise<void>;
}

/** The processes of one plugin in one command. */
export interface PluginPool {
  /** Flags of the plugin; the process that is asked is the next machine's. */
  flags(caller: PluginCaller): Promise<readonly PluginFlag[]>;
  machine(name: string): PluginMachine;
  isFirstVersion(caller: PluginCaller): Promise<boolean>;
}

/** Pools by what ends them: `atEnd` is the same function throughout a command. */
const pools = new WeakMap<DriverEnvironment['atEnd'], Map<string, Pool>>();

/** The pool of a plugin in this command. Its processes are ended with the command. */
export function poolOf(environment: DriverEnvironment, program: PluginProgram): PluginPool {
  const ofCommand = pools.get(environment.atEnd) ?? new Map<string, Pool>();
  pools.set(environment.atEnd, ofCommand);
  const known = ofCommand.get(program.path);
  if (known?.driverName === program.driverName) {
    return known;
  }
  const pool = new Pool(program);
  ofCommand.set(program.path, pool);
  environment.atEnd(async () => pool.close());
  return pool;
}

class Pool implements PluginPool {
  readonly #program: PluginProgram;
  readonly #machines = new Map<string, Machine>();
  #spare: Promise<PluginConnection> | undefined;
  #flags: Promise<readonly PluginFlag[]> | undefined;
  readonly #opening = new Set<Promise<unknown>>();

  constructor(program: PluginProgram) {
    this.#program = program;
  }

  get driverName(): string {
    return this.#program.driverName;
  }

  async flags(caller: PluginCaller): Promise<readonly PluginFlag[]> {
    this.#flags ??= this.#askFlags(caller);
    return this.#flags;
  }

  async #askFlags({ host, emit, signal }: PluginCaller): Promise<readonly PluginFlag[]> {
    const connection = await this.#spareConnection({ host, emit, signal });
    const reply = await connection.call('GetCreateFlags', { timeoutMs: quickCallTimeoutMs, signal });
    return flagsFromReply(reply, host.facts.env, (kind) => {
      emit({ type: 'debug', message: `${this.#program.path} has a flag of an unknown kind: ${kind}` });
    });
  }

  async isFirstVersion(caller: PluginCaller): Promise<boolean> {
    return (await this.#spareConnection(caller)).isFirstVersion;
  }

  machine(name: string): PluginMachine {
    const machine = this.#machines.get(name) ?? new Machine(name, async (caller) => this.#connection(caller));
    this.#machines.set(name, machine);
    return machine;
  }

  async #spareConnection(caller: PluginCaller): Promise<PluginConnection> {
    this.#spare ??= this.#open(caller);
    return this.#spare;
  }

  async #connection(caller: PluginCaller): Promise<PluginConnection> {
    const spare = this.#spare;
    this.#spare = undefined;
    const connection = await spare;
    return connection?.isUsable === true ? connection : this.#open(caller);
  }

  async #open(caller: PluginCaller): Promise<PluginConnection> {
    const opening = openPlugin(caller, this.#program, caller.signal);
    this.#opening.add(opening);
    return opening.finally(() => {
      this.#opening.delete(opening);
    });
  }

  async close(): Promise<void> {
    // What is just being opened belongs to somebody when it is open, or has ended itself.
    await Promise.allSettled(this.#opening);
    const spare = await this.#spare?.catch(() => undefined);
    await Promise.allSettled([
      spare?.close(),
      ...[...this.#machines.values()].map((machine) => machine.close()),
    ]);
  }
}

class Machine implements PluginMachine {
  isNew = false;
  wasBegun = false;
  isRemoved = false;
  readonly #name: string;
  readonly #open: (caller: PluginCaller) => Promise<PluginConnection>;
  #connection: Promise<PluginConnection> | undefined;
  /** What the plugin was told last, or has told itself. */
  #config: JsonObject = {};

  constructor(name: string, open: (caller: PluginCaller) => Promise<PluginConnection>) {
    this.#name = name;
    this.#open = open;
  }

  async ask(caller: PluginCaller, method: string): Promise<GobValue> {
    const options = { timeoutMs: quickCallTimeoutMs, signal: caller.signal };
    const connection = await this.#ready(caller);
    try {
      return await connection.call(method, options);
    } catch (error) {
      const isDead = isMachineError(error) && error.facts['ended'] === true;
      if (!isDead || caller.signal.aborted) {
        throw error;
      }
      return (await this.#ready(caller)).call(method, options);
    }
  }

  async command(caller: PluginCaller, method: string, timeoutMs: number, argument?: Typed): Promise<void> {
    const connection = await this.#ready(caller);
    await connection.call(method, { timeoutMs, signal: caller.signal }, argument);
  }

  async configuration(caller: PluginCaller): Promise<JsonObject> {
    this.#config = parseConfig(await this.ask(caller, 'GetConfigRaw'));
    return this.#config;
  }

  async snapshot(): Promise<JsonObject | undefined> {
    try {
      const connection = await this.#connection;
      const raw = await connection?.call('GetConfigRaw', { timeoutMs: snapshotTimeoutMs, concurrent: true });
      // Go reads while the driver writes: what is no JSON is no snapshot.
      this.#config = parseConfig(raw ?? null);
      return this.#config;
    } catch {
      return undefined;
    }
  }

  async configure(caller: PluginCaller, config: JsonObject): Promise<void> {
    const known = Object.entries(this.#config);
    const isKnown =
      known.length > 0 && known.every(([key, value]) => formatGoJson(value) === formatGoJson(config[key]));
    if (!isKnown) {
      this.#config = config;
      if (this.#connection !== undefined) {
        await this.#setConfig(await this.#connection, caller);
      }
    }
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection?.catch(() => undefined))?.close();
  }

  /** A process with the configuration in it: the one that is there, or another one in place of a dead one. */
  async #ready(caller: PluginCaller): Promise<PluginConnection> {
    const there = await this.#connection?.catch(() => undefined);
    if (there?.isUsable === true) {
      return there;
    }
    await there?.close();
    this.#connection = this.#start(caller);
    return this.#connection;
  }

  async #start(caller: PluginCaller): Promise<PluginConnection> {
    const connection = await this.#open(caller);
    try {
      connection.process.machine = this.#name;
      await this.#setConfig(connection, caller);
      return connection;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async #setConfig(connection: PluginConnection, { signal }: PluginCaller): Promise<void> {
    const value = new TextEncoder().encode(formatGoJson(this.#config));
    const options = { timeoutMs: quickCallTimeoutMs, signal };
    await connection.call('SetConfigRaw', options, { type: gobBytes, value });
  }
}

function parseConfig(raw: GobValue): JsonObject {
  const config = parseJson(raw instanceof Uint8Array ? new TextDecoder().decode(raw) : '');
  if (!isJsonObject(config)) {
    throw new SyntaxError('the plugin gives no configuration');
  }
  return config;
}
