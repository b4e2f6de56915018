import type { Machine, State, World } from './state.ts';

/** What a call left behind. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An error of PowerShell, as a script tells it. */
export interface Fault {
  readonly id: string;
  readonly category?: string;
  readonly codes?: readonly number[];
  readonly message: string;
}

/** An operation as it was asked for. */
export interface Call {
  readonly operation: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

class Refusal extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(fault.message);
    this.fault = fault;
  }
}

const [running, off, saved, paused] = [2, 3, 6, 9];

/** Texts are in German, as the driver must not read them. */
export const refusals = {
  gone: {
    id: 'TsmMachineGone',
    category: 'OperationStopped',
    codes: [-2146233087],
    message: 'TsmMachineGone',
  },
  rights: {
    id: 'AccessDenied,Microsoft.HyperV.PowerShell.Commands.GetVM',
    category: 'PermissionDenied',
    codes: [-2146233088],
    message: 'Sie besitzen nicht die erforderliche Berechtigung, um diesen Vorgang auszuführen.',
  },
  memory: {
    id: 'OutOfMemory,Microsoft.HyperV.PowerShell.Commands.StartVM',
    category: 'NotSpecified',
    codes: [-2146233088],
    message:
      'Fehler beim Starten von "dev". Nicht genügend Arbeitsspeicher im System, um "dev" mit der RAM-Größe von 8192 MB zu starten.',
  },
  state: {
    id: 'InvalidState,Microsoft.HyperV.PowerShell.Commands.StopVM',
    category: 'InvalidOperation',
    codes: [-2146233088],
    message:
      'Der Vorgang kann nicht ausgeführt werden, während sich das Objekt im aktuellen Zustand befindet.',
  },
  file: {
    id: 'OperationFailed,Microsoft.HyperV.PowerShell.Commands.AddVMDvdDrive',
    category: 'NotSpecified',
    codes: [-2146233088],
    message: 'Das System kann die angegebene Datei nicht finden. (0x80070002)',
  },
} as const satisfies Record<string, Fault>;

/** Reads what powershell.exe was given. */
export function decodeCall(args: readonly string[]): Call {
  const text = Buffer.from(args[args.indexOf('-EncodedCommand') + 1] ?? '', 'base64').toString('utf16le');
  const operation = /^# tsmachine ([a-z-]+)$/m.exec(text)?.[1];
  const encoded = /FromBase64String\('([A-Za-z0-9+/=]*)'\)/.exec(text)?.[1];
  if (operation === undefined || encoded === undefined) {
    throw new Error(`powershell.exe was given something else: ${text.slice(0, 200)}`);
  }
  const parameters = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Call['parameters'];
  return { operation, parameters };
}

/** The output of a script with this result. */
export function resultOf(value: unknown): Outcome {
  return tell({ ok: true, value });
}

/** The output of a script that met this error. */
export function faultOf({ id, category = 'NotSpecified', codes = [-2146233088], message }: Fault): Outcome {
  return tell({ ok: false, id, category, codes, message });
}

function tell(result: unknown): Outcome {
  const escape = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const json = JSON.stringify(result).replaceAll(/[^ -~]/g, escape);
  return { exitCode: 0, stdout: `TSM:${json}\r\n`, stderr: '' };
}

/** Hyper-V as the driver's scripts meet it. */
export class FakeHyperV {
  readonly #state: State;
  readonly #world: World;

  constructor(state: State, world: World) {
    this.#state = state;
    this.#world = world;
  }

  async run({ operation, parameters }: Call): Promise<Outcome> {
    try {
      await this.#notice();
      return resultOf(await this.#carryOut(operation, parameters));
    } catch (error) {
      if (error instanceof Refusal) {
        return faultOf(error.fault);
      }
      throw error;
    }
  }

  /** Guests that have ended by themselves are off. */
  async #notice(): Promise<void> {
    for (const machine of this.#state.machines) {
      if (machine.state === running && !(await this.#world.isRunning(machine))) {
        machine.state = off;
      }
    }
  }

  async #carryOut(operation: string, p: Call['parameters']): Promise<unknown> {
    const { host, switches } = this.#state;
    if (operation === 'host') {
      return { ...host, switches: host.module && host.mayUse && host.isServing ? switches : [] };
    }
    if (!host.module) {
      throw new Refusal({
        id: 'CommandNotFoundException',
        category: 'ObjectNotFound',
        message: 'Nicht erkannt.',
      });
    }
    if (!host.mayUse) {
      throw new Refusal(refusals.rights);
    }
    switch (operation) {
      case 'look':
        return { machines: this.#look(text(p['id']), text(p['name'])) };
      case 'resolve':
        return { addresses: [] };
      case 'register':
        return this.#register(p);
      case 'claim':
        this.#machine(p).notes = text(p['notes']);
        return { id: p['id'] };
      case 'configure':
        return this.#configure(p);
      case 'start':
        return this.#start(p);
      case 'resume':
        return this.#control(p, [paused], running, 'resume');
      case 'shut-down':
        return this.#shutDown(p);
      case 'turn-off':
        return this.#turnOff(p);
      case 'remove':
        return this.#remove(p);
      default:
        throw new Error(`the operation ${operation} is not known`);
    }
  }

  #look(id: string, name: string): unknown[] {
    return this.#state.machines
      .filter((one) => (id === '' ? one.name.toLowerCase() === name.toLowerCase() : one.id === id))
      .map((one) => ({ ...one, generation: 2, switches: [one.switchId] }));
  }

  #machine(p: Call['parameters']): Machine {
    const found = this.#state.machines.find(({ id }) => id === p['id']);
    if (found === undefined) {
      throw new Refusal(refusals.gone);
    }
    return found;
  }

  async #register(p: Call['parameters']): Promise<unknown> {
    const path = this.#world.join(text(p['directory']), text(p['name']));
    await this.#world.makeDirectory(path);
    const id = this.#world.newId();
    this.#state.machines.push({
      ...{ id, name: text(p['name']), path, notes: text(p['notes']), state: off },
      ...{ cpus: 1, memoryBytes: Number(p['memoryBytes']), isMemoryDynamic: false, memoryMinBytes: 0 },
      ...{ disks: [], media: [], inserted: [], switchId: '00000000-0000-0000-0000-000000000000' },
      ...{ macAddress: '', vlanId: 0, secureBoot: true, pipe: '', addresses: [], seen: [] },
    });
    return { id };
  }

  async #configure(p: Call['parameters']): Promise<unknown> {
    const machine = this.#machine(p);
    if (machine.state !== off) {
      throw new Refusal(refusals.state);
    }
    const found = this.#state.switches.find(({ id }) => id.toLowerCase() === p['switchId']);
    const media = p['media'] as string[];
    for (const path of [...media, text(p['disk'])]) {
      if (!(await this.#world.exists(path))) {
        throw new Refusal(refusals.file);
      }
    }
    Object.assign(machine, {
      ...{ cpus: p['cpus'], memoryBytes: p['memoryBytes'], memoryMinBytes: p['memoryMinBytes'] },
      ...{ isMemoryDynamic: p['isMemoryDynamic'], switchId: found?.id ?? machine.switchId },
      ...{ macAddress: p['macAddress'], vlanId: p['vlanId'], secureBoot: p['secureBoot'], pipe: p['pipe'] },
      disks: [...new Set([...machine.disks, text(p['disk'])])],
      media: [...new Set([...machine.media, ...media])],
    });
    return {};
  }

  async #start(p: Call['parameters']): Promise<unknown> {
    const machine = this.#machine(p);
    const { state } = machine;
    if (state !== off && state !== saved) {
      throw new Refusal(refusals.state);
    }
    machine.inserted = machine.media.filter((path) => (p['media'] as string[]).includes(path));
    await this.#world.start(machine);
    machine.state = running;
    return {};
  }

  async #control(
    p: Call['parameters'],
    from: readonly number[],
    to: number,
    action: Parameters<World['control']>[1],
  ): Promise<unknown> {
    const machine = this.#machine(p);
    if (!from.includes(machine.state)) {
      throw new Refusal(refusals.state);
    }
    await this.#world.control(machine, action);
    machine.state = to;
    return {};
  }

  async #shutDown(p: Call['parameters']): Promise<unknown> {
    const machine = this.#machine(p);
    if (machine.state !== running) {
      throw new Refusal(refusals.state);
    }
    await this.#world.control(machine, 'ask');
    if (await this.#world.isRunning(machine)) {
      throw new Refusal({
        id: 'OperationFailed,StopVM',
        message: 'Das Gerät ist nicht bereit. (0x80070015)',
      });
    }
    machine.state = off;
    return {};
  }

  async #turnOff(p: Call['parameters']): Promise<unknown> {
    const machine = this.#machine(p);
    if (machine.state === saved) {
      machine.state = off;
      return {};
    }
    return this.#control(p, [running, paused], off, 'off');
  }

  #remove(p: Call['parameters']): unknown {
    const machine = this.#machine(p);
    if (machine.state !== off) {
      throw new Refusal(refusals.state);
    }
    this.#state.machines = this.#state.machines.filter((one) => one !== machine);
    return {};
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
