import { formatGoJson, isJsonObject, parseJson, type JsonObject } from '../../../core/exact-json.ts';
import { isMachineError, messageOf } from '../../../core/errors.ts';
import type { Driver, DriverContext, DriverEnvironment, DriverStatus } from '../../driver.ts';
import { gobBytes, gobEmptyStruct, gobInt, gobString, type GobValue } from '../gob/types.ts';
import type { Typed } from '../rpc/client.ts';
import type { RpcMethod, RpcServices } from '../rpc/server.ts';
import { flagsReply, stateNumberOf, valuesFromArgument } from './values.ts';

/** What the server has to know besides its driver. */
export interface ServedSession extends DriverEnvironment {
  /** Path of `name` in a directory of the store: machines/NAME. */
  readonly directoryOf: (storePath: string, name: string) => string;
  readonly onHeartbeat: () => void;
  /** The host has said that it needs the plugin no more. */
  readonly onClose: () => void;
}

/** A driver of ours behind the methods of docker-machine's plugins, under both names of the service. */
export function servicesOf(driver: Driver, session: ServedSession): RpcServices {
  const methods = new ServedDriver(driver, session).methods();
  return { RPCServerDriver: methods, RpcServerDriver: methods };
}

const nothing: Typed = { type: gobEmptyStruct, value: {} };

class ServedDriver {
  readonly #driver: Driver;
  readonly #session: ServedSession;
  /** The driver's part of config.json, with whatever else the host's file has in it. */
  #config: JsonObject = {};

  constructor(driver: Driver, session: ServedSession) {
    this.#driver = driver;
    this.#session = session;
  }

  methods(): Readonly<Record<string, RpcMethod>> {
    const { manifest } = this.#driver;
    const methods: Record<string, (argument: GobValue) => Promise<Typed>> = {
      GetVersion: async () => int(1),
      Heartbeat: async () => {
        this.#session.onHeartbeat();
        return nothing;
      },
      Close: async () => {
        this.#session.onClose();
        return nothing;
      },
      SetConfigRaw: async (argument) => {
        const parsed =
          argument instanceof Uint8Array ? parseJson(new TextDecoder().decode(argument)) : undefined;
        if (!isJsonObject(parsed)) {
          throw new Error('json: the configuration is no object');
        }
        this.#config = { ...this.#config, ...parsed };
        return nothing;
      },
      GetConfigRaw: async () => ({
        type: gobBytes,
        value: new TextEncoder().encode(formatGoJson(this.#config)),
      }),
      GetMachineName: async () => text(this.#text('MachineName')),
      DriverName: async () => text(manifest.name),
      GetCreateFlags: async () => flagsReply(manifest.flags),
      SetConfigFromFlags: async (argument) => this.#configure(argument),
      PreCreateCheck: async () => this.#check(),
      Create: async () => this.#create(),
      GetState: async () => int(stateNumberOf((await this.#status()).power)),
      GetURL: async () => text((await this.#status()).engineUrl ?? ''),
      GetIP: async () => text((await this.#status()).address ?? this.#text('IPAddress')),
      GetIPv6: async () => text(''),
      GetSSHHostname: async () => {
        const { ssh, address } = await this.#status();
        return text(ssh?.host ?? address ?? this.#text('IPAddress'));
      },
      GetSSHPort: async () =>
        int((await this.#status()).ssh?.port ?? (Number(this.#config['SSHPort']) || 22)),
      GetSSHUsername: async () => text((await this.#status()).ssh?.user ?? this.#text('SSHUser')),
      GetSSHKeyPath: async () => text((await this.#status()).ssh?.keyPath ?? this.#text('SSHKeyPath')),
      Start: async () => this.#do((context) => this.#driver.start(context)),
      Stop: async () => this.#do((context) => this.#driver.stop(context)),
      Kill: async () => this.#do((context) => this.#driver.kill(context)),
      Remove: async () => this.#do((context) => this.#driver.remove(context)),
      Restart: async () => this.#restart(),
    };
    return Object.fromEntries(
      Object.entries(methods).map(([name, method]) => [
        name,
        async (argument) => method(argument).catch(withReason),
      ]),
    );
  }

  #text(key: string): string {
    const value = this.#config[key];
    return typeof value === 'string' ? value : '';
  }

  #context(): DriverContext<unknown> {
    const { host, signal, emit, directoryOf, storePath } = this.#session;
    const name = this.#text('MachineName');
    return {
      host,
      signal,
      emit,
      name,
      directory: directoryOf(this.#text('StorePath') || storePath, name),
      config: this.#driver.readConfig(this.#config),
      save: async (part) => {
        this.#config = { ...this.#config, ...part };
      },
    };
  }

  async #status(): Promise<DriverStatus> {
    return this.#driver.inspect(this.#context());
  }

  async #do(action: (context: DriverContext<unknown>) => Promise<void>): Promise<Typed> {
    await action(this.#context());
    return nothing;
  }

  async #configure(argument: GobValue): Promise<Typed> {
    const { directoryOf } = this.#session;
    const values = valuesFromArgument(this.#driver.manifest.flags, argument);
    const name = this.#text('MachineName');
    const storePath = this.#text('StorePath') || this.#session.storePath;
    const findIso = async (): Promise<undefined> => undefined;
    const place = { name, storePath, directory: directoryOf(storePath, name), sharedFlags: {}, findIso };
    const { config, common = {} } = await (this.#driver.configureWith?.(values, place) ??
      this.#driver.configure(values));
    this.#config = {
      ...this.#config,
      ...(common.ipAddress === undefined ? {} : { IPAddress: common.ipAddress }),
      ...(common.sshUser === undefined ? {} : { SSHUser: common.sshUser }),
      ...(common.sshPort === undefined ? {} : { SSHPort: common.sshPort }),
      ...config,
    };
    return nothing;
  }

  async #check(): Promise<Typed> {
    for (const { severity, message } of await this.#driver.check(this.#context())) {
      if (severity === 'error') {
        throw new Error(message);
      }
      if (severity === 'warning') {
        this.#session.emit({ type: 'warn', message });
      }
    }
    return nothing;
  }

  /** The steps, then power: docker-machine takes a created machine for a running one. */
  async #create(): Promise<Typed> {
    const count = this.#driver.steps(this.#context()).length;
    for (let index = 0; index < count; index += 1) {
      // Asked for afresh: what one step saves the next one needs.
      const step = this.#driver.steps(this.#context())[index];
      if (step !== undefined) {
        this.#session.emit({ type: 'note', message: step.summary });
        await step.run();
      }
    }
    if (this.#driver.manifest.capabilities.power) {
      await this.#driver.start(this.#context());
    }
    return nothing;
  }

  async #restart(): Promise<Typed> {
    if (this.#driver.restart !== undefined) {
      return this.#do(async (context) => this.#driver.restart?.(context));
    }
    await this.#driver.stop(this.#context());
    return this.#do((context) => this.#driver.start(context));
  }
}

function int(value: number): Typed {
  return { type: gobInt, value };
}

function text(value: string): Typed {
  return { type: gobString, value };
}

/** The protocol knows errors only as one text. */
function withReason(error: unknown): never {
  const why = isMachineError(error) && error.why !== undefined ? `: ${error.why}` : '';
  throw new Error(`${messageOf(error)}${why}`);
}
