import { MachineError } from '../../core/errors.ts';
import type { WaitClock } from '../../core/wait.ts';
import type { Host } from '../../host/types.ts';

/** The parts of a socket that the client uses. */
export interface QmpStream {
  setEncoding(encoding: 'utf8'): unknown;
  on(event: 'data', listener: (text: string) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  write(text: string): unknown;
  destroy(): unknown;
}

/** Something that QEMU reports by itself: `SHUTDOWN`, `POWERDOWN`, `STOP` … */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiter {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Longest message that is taken from QEMU; the longest real one (a schema) has about 200 kB. */
const messageCharsMax = 8 * 1024 * 1024;
const commandTimeoutMs = 10_000;

/**
 * Connects to a QMP socket and negotiates. QEMU serves one client per socket and leaves a second one
 * without a greeting; that ends in the time-out.
 * Protocol: docs/interop/qmp-spec in QEMU's source, one JSON object per line.
 * @throws the system's error when nobody listens; MachineError `vm-control-failed`.
 */
export async function connectQmp(
  host: Pick<Host, 'network' | 'clock'>,
  path: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<QmpClient> {
  const startedMs = host.clock.monotonicMs();
  const socket = await host.network.connect({ path }, options);
  const client = new QmpClient(socket, host.clock);
  try {
    const leftMs = Math.max(1, options.timeoutMs - (host.clock.monotonicMs() - startedMs));
    await client.negotiate({ timeoutMs: leftMs, signal: options.signal });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

/** One conversation with QEMU. Every wait in it ends: with the answer, a time-out, or the end of QEMU. */
export class QmpClient {
  /** Resolves when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #stream: QmpStream;
  readonly #clock: WaitClock;
  readonly #waiters = new Map<string, Waiter>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #greeting: Waiter | undefined;
  #greeted = false;
  #unread = '';
  #nextId = 1;
  #closed = false;
  #markClosed: () => void = () => undefined;

  constructor(stream: QmpStream, clock: WaitClock) {
    this.#stream = stream;
    this.#clock = clock;
    this.closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      this.#read(text);
    });
    // An error is always followed by "close", which tells the waiters.
    stream.on('error', () => undefined);
    stream.on('close', () => {
      this.#end('QEMU closed the connection');
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Waits for the greeting and leaves negotiation mode. Must come before the first command. */
  async negotiate(options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  }): Promise<void> {
    const greeted = new Promise<unknown>((resolve, reject) => {
      if (this.#greeted) {
        resolve(undefined);
      } else if (this.#closed) {
        reject(connectionLost('the greeting'));
      } else {
        this.#greeting = { command: 'the greeting', resolve, reject };
      }
    });
    await this.#limited(greeted, { ...options, what: 'greet' });
    await this.execute('qmp_capabilities', undefined, options);
  }

  /**
   * Runs a command and returns what it returns.
   * @throws MachineError `vm-control-failed`: refused (facts: class, description), no answer in time, connection lost.
   */
  async execute(
    command: string,
    commandArguments?: Readonly<Record<string, unknown>>,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<unknown> {
    if (this.#closed) {
      throw connectionLost(command);
    }
    const id = `tsm-${this.#nextId++}`;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiters.set(id, { command, resolve, reject });
    });
    const request = {
      execute: command,
      id,
      ...(commandArguments === undefined ? {} : { arguments: commandArguments }),
    };
    this.#stream.write(`${JSON.stringify(request)}\r\n`);
    try {
      const timeoutMs = options.timeoutMs ?? commandTimeoutMs;
      return await this.#limited(answer, { timeoutMs, signal: options.signal, what: `answer "${command}"` });
    } finally {
      this.#waiters.delete(id);
    }
  }

  /**
   * Runs a line of the human monitor. Its failures are texts of successful answers, so the caller
   * judges the text.
   */
  async monitor(line: string): Promise<string> {
    const answer = await this.execute('human-monitor-command', { 'command-line': line });
    return typeof answer === 'string' ? answer : '';
  }

  /** Calls `listener` for every event from now on, until the returned function is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Ends the conversation; QEMU goes on. */
  close(): void {
    this.#end('the connection was closed here');
    this.#stream.destroy();
  }

  async #limited<T>(
    work: Promise<T>,
    limit: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined; readonly what: string },
  ): Promise<T> {
    const over = new AbortController();
    const signal = limit.signal === undefined ? over.signal : AbortSignal.any([limit.signal, over.signal]);
    const alarm = this.#clock.sleep(limit.timeoutMs, signal).then(() => {
      throw new MachineError(
        'vm-control-failed',
        `QEMU did not ${limit.what} within ${limit.timeoutMs / 1000} s.`,
      );
    });
    // Whichever loses the race may still reject later, when nobody waits for it any more.
    alarm.catch(() => undefined);
    work.catch(() => undefined);
    try {
      return await Promise.race([work, alarm]);
    } finally {
      over.abort();
    }
  }

  #read(text: string): void {
    const lines = (this.#unread + text).split('\n');
    this.#unread = lines.pop() ?? '';
    if (this.#unread.length > messageCharsMax) {
      this.close();
      return;
    }
    for (const line of lines) {
      if (line.trim() !== '') {
        this.#receive(line);
      }
    }
  }

  #receive(line: string): void {
    const message = parseObject(line);
    if (message === undefined) {
      // Not QMP: whatever listens there is not QEMU, and waiting on would only end in time-outs.
      this.close();
    } else if ('QMP' in message) {
      this.#greeted = true;
      this.#greeting?.resolve(undefined);
      this.#greeting = undefined;
    } else if (typeof message['event'] === 'string') {
      const event = { name: message['event'], data: asObject(message['data']) };
      for (const listener of this.#listeners) {
        listener(event);
      }
    } else {
      this.#settle(message);
    }
  }

  #settle(message: Readonly<Record<string, unknown>>): void {
    const id = message['id'];
    const waiter = typeof id === 'string' ? this.#waiters.get(id) : undefined;
    if (waiter === undefined) {
      return;
    }
    if ('error' in message) {
      const error = asObject(message['error']);
      const description = typeof error['desc'] === 'string' ? error['desc'] : 'no reason given';
      waiter.reject(
        new MachineError('vm-control-failed', `QEMU refused "${waiter.command}": ${description}`, {
          facts: { class: error['class'], description },
        }),
      );
    } else {
      waiter.resolve(message['return']);
    }
  }

  #end(why: string): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#greeting?.reject(connectionLost('the greeting', why));
    for (const waiter of this.#waiters.values()) {
      waiter.reject(connectionLost(waiter.command, why));
    }
    this.#markClosed();
  }
}

function connectionLost(command: string, why = 'the connection is closed'): MachineError {
  return new MachineError('vm-control-failed', `QEMU gave no answer to "${command}".`, {
    why,
    facts: { connectionLost: true },
  });
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
