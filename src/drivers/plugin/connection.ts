import { MachineError, messageOf } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { PluginProgram } from './find.ts';
import { gobEmptyStruct, type GobValue } from './gob/types.ts';
import { startPluginProcess, type PluginEnvironment, type PluginProcess } from './process.ts';
import {
  CallTimeout,
  ConnectionError,
  openRpc,
  RemoteError,
  type RpcClient,
  type Typed,
} from './rpc/client.ts';

/** How long a call may take, and what ends it before. */
export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Side by side with a call that is being worked on. */
  readonly concurrent?: boolean;
}

/** A plugin that runs, answers and is kept alive. */
export interface PluginConnection {
  readonly process: PluginProcess;
  /** The first plugins, of 2015, have another name for their service and for the type of flag values. */
  readonly isFirstVersion: boolean;
  /** False when it has ended or is to be spoken to no more. */
  readonly isUsable: boolean;
  /**
   * Calls a method, one after the other.
   * @throws RemoteError with the driver's own text; MachineError `plugin-failed`; the signal's reason.
   */
  call(method: string, options: CallOptions, argument?: Typed): Promise<GobValue>;
  /** Ends the plugin: asks it to, or when it is at work or deaf, kills it. It has ended when this resolves. */
  close(): Promise<void>;
}

/** The argument of most methods. */
export const noArgument: Typed = { type: gobEmptyStruct, value: {} };

const apiVersion = 1;
const connectTimeoutMs = 5000;
const versionTimeoutMs = 10_000;
const heartbeatMs = 3000;
/** The first plugins end when they hear nothing for 500 ms. */
const firstVersionHeartbeatMs = 200;
const heartbeatTimeoutMs = 10_000;
const closeTimeoutMs = 2000;

/**
 * Starts a plugin and opens its service.
 * @throws MachineError `plugin-failed`; the signal's reason when aborted. Nothing is left running then.
 */
export async function openPlugin(
  environment: PluginEnvironment,
  program: PluginProgram,
  signal: AbortSignal,
): Promise<PluginConnection> {
  const process = await startPluginProcess(environment, program, signal);
  let rpc: RpcClient | undefined;
  try {
    const { host } = environment;
    const socket = await host.network
      .connect(process.address, { timeoutMs: connectTimeoutMs, signal })
      .catch((cause: unknown) => {
        signal.throwIfAborted();
        throw new ConnectionError(messageOf(cause), { cause });
      });
    rpc = await openRpc(socket, host.clock);
    const connection = new Connection(host, program, process, rpc);
    await connection.negotiate(signal);
    return connection;
  } catch (error) {
    rpc?.close();
    process.kill('SIGKILL');
    if (error instanceof ConnectionError || error instanceof CallTimeout) {
      throw await pluginFailed(program, process, 'Opening its service', error);
    }
    throw error;
  }
}

async function pluginFailed(
  program: PluginProgram,
  process: PluginProcess,
  during: string,
  cause: Error,
): Promise<MachineError> {
  if (cause instanceof CallTimeout) {
    return new MachineError(
      'plugin-failed',
      `The plugin ${program.path} does not answer: ${cause.message}.`,
      {
        cause,
      },
    );
  }
  const { what, lastWords } = await process.obituary();
  const message = `The plugin ${program.path} ${what}. It was asked for: ${during}.\n${lastWords}`.trimEnd();
  return new MachineError('plugin-failed', message, { facts: { ended: true } });
}

class Connection implements PluginConnection {
  readonly process: PluginProcess;
  isFirstVersion = false;
  readonly #host: Host;
  readonly #program: PluginProgram;
  readonly #rpc: RpcClient;
  readonly #ending = new AbortController();
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #inFlightCount = 0;
  #isLost = false;

  constructor(host: Host, program: PluginProgram, process: PluginProcess, rpc: RpcClient) {
    this.#host = host;
    this.#program = program;
    this.process = process;
    this.#rpc = rpc;
    void this.#beat(heartbeatMs);
  }

  get #service(): string {
    return this.isFirstVersion ? 'RpcServerDriver' : 'RPCServerDriver';
  }

  /**
   * Finds out under which name the service is there. Until then nothing else may be called.
   * @throws MachineError `plugin-failed` for a version of the protocol that is not ours; ConnectionError, CallTimeout.
   */
  async negotiate(signal: AbortSignal): Promise<void> {
    const ask = async (): Promise<GobValue> =>
      this.#rpc.call(`${this.#service}.GetVersion`, noArgument, { timeoutMs: versionTimeoutMs, signal });
    const version = await ask().catch(async (error: unknown) => {
      if (!(error instanceof RemoteError) || !error.message.includes("can't find service")) {
        throw error;
      }
      this.isFirstVersion = true;
      void this.#beat(firstVersionHeartbeatMs);
      return ask();
    });
    const spoken = typeof version === 'number' || typeof version === 'bigint' ? Number(version) : 0;
    if (spoken !== apiVersion) {
      throw new MachineError(
        'plugin-failed',
        `The plugin ${this.#program.path} speaks version ${spoken} of the protocol; ${apiVersion} is needed.`,
        { remedies: ['Install another version of the plugin.'] },
      );
    }
  }

  get isUsable(): boolean {
    return !this.#isLost && this.#closing === undefined;
  }

  async call(method: string, options: CallOptions, argument: Typed = noArgument): Promise<GobValue> {
    if (options.concurrent === true) {
      return this.#call(method, options, argument);
    }
    const before = this.#queue;
    const result = before.then(async () => this.#call(method, options, argument));
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #call(method: string, options: CallOptions, argument: Typed): Promise<GobValue> {
    this.#inFlightCount += 1;
    try {
      return await this.#rpc.call(`${this.#service}.${method}`, argument, options);
    } catch (error) {
      if (error instanceof RemoteError) {
        throw error;
      }
      // Also after an abort: the plugin is still at work on the call, so nothing else can be asked of it.
      this.#isLost = this.#isLost || options.concurrent !== true || error instanceof ConnectionError;
      if (error instanceof ConnectionError || error instanceof CallTimeout) {
        throw await pluginFailed(this.#program, this.process, method, error);
      }
      throw error;
    } finally {
      this.#inFlightCount -= 1;
    }
  }

  /** A plugin ends by itself when it hears nothing for 10 s: that is how it notices that its host has gone. */
  async #beat(pauseMs: number): Promise<void> {
    const { signal } = this.#ending;
    try {
      for (;;) {
        await this.#rpc
          .call(`${this.#service}.Heartbeat`, noArgument, { timeoutMs: heartbeatTimeoutMs, signal })
          .catch(onlyIfLost);
        await this.#host.clock.sleep(pauseMs, signal);
      }
    } catch (error) {
      this.#isLost = this.#isLost || error instanceof ConnectionError;
    }
  }

  async close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.#isLost && this.#inFlightCount === 0) {
      // It ends while it answers: no answer is an answer.
      await this.#rpc
        .call(`${this.#service}.Close`, noArgument, { timeoutMs: closeTimeoutMs })
        .catch(() => undefined);
    } else {
      this.process.kill('SIGTERM');
    }
    this.#ending.abort(new ConnectionError('the plugin is being closed'));
    this.#rpc.close();
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGKILL'] as const) {
      if (await this.process.endsWithin(closeTimeoutMs)) {
        return;
      }
      this.process.kill(signal);
    }
  }
}

function onlyIfLost(error: unknown): void {
  if (!(error instanceof RemoteError) && !(error instanceof CallTimeout)) {
    throw error;
  }
}

/** The text of a driver's error as an error of ours; anything else as it is. */
export function asDriverError(error: unknown, prefix = ''): unknown {
  return error instanceof RemoteError
    ? new MachineError('driver-error', `${prefix}${messageOf(error).replaceAll('\t', '    ')}`)
    : error;
}
