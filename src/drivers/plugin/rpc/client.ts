import type { Duplex } from 'node:stream';
import type { WaitClock } from '../../../core/wait.ts';
import { createByteSource } from '../gob/byte-source.ts';
import { createGobDecoder, type GobDecoder } from '../gob/decoder.ts';
import { createGobEncoder } from '../gob/encoder.ts';
import { GobError, type GobType, type GobValue } from '../gob/types.ts';
import { fieldsOf, textOf } from '../gob/values.ts';
import { connectLine, readHead, requestType } from './wire.ts';

/** The error text that the other side sent in place of a result. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
}

/** There is no connection (any more): nothing is known of the calls that were on their way. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

/** The other side did not answer in time. It may still be at work on the call. */
export class CallTimeout extends Error {
  override readonly name = 'CallTimeout';
}

/** An argument or result with its type. */
export interface Typed {
  readonly type: GobType;
  readonly value: GobValue;
}

/** One connection to a server of net/rpc. */
export interface RpcClient {
  /**
   * Calls `Service.Method` and resolves to its result. Replies may come in any order.
   * @throws RemoteError, ConnectionError, CallTimeout; the signal's reason when aborted.
   */
  call(
    serviceMethod: string,
    argument: Typed,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<GobValue>;
  /** How many calls wait for their reply. */
  readonly pendingCount: number;
  close(): void;
}

interface Pending {
  readonly resolve: (value: GobValue) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens net/rpc on a connected socket.
 * @throws ConnectionError when the other side does not speak it.
 */
export async function openRpc(socket: Duplex, clock: WaitClock): Promise<RpcClient> {
  const source = createByteSource(socket as AsyncIterable<Uint8Array>);
  // Whatever goes wrong shows when the stream is read.
  socket.on('error', () => undefined);
  socket.write(connectLine);
  const head = await readHead(source).catch(asConnectionError);
  if (head?.[0] === undefined || !/^HTTP\/1\.[01] 200 Connected to Go RPC$/.test(head[0])) {
    socket.destroy();
    throw new ConnectionError(
      head?.[0] === undefined ? 'it closed the connection' : `it answers ${JSON.stringify(head[0])}`,
    );
  }
  return new Client(socket, createGobDecoder(source), clock);
}

class Client implements RpcClient {
  readonly #socket: Duplex;
  readonly #clock: WaitClock;
  readonly #encoder = createGobEncoder();
  readonly #pending = new Map<number, Pending>();
  #sequence = 0;
  #lost: ConnectionError | undefined;

  constructor(socket: Duplex, decoder: GobDecoder, clock: WaitClock) {
    this.#socket = socket;
    this.#clock = clock;
    void this.#read(decoder);
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  async call(
    serviceMethod: string,
    argument: Typed,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<GobValue> {
    options.signal?.throwIfAborted();
    if (this.#lost !== undefined) {
      throw this.#lost;
    }
    const sequence = this.#sequence;
    this.#sequence += 1;
    const head = this.#encoder.encode(requestType, { ServiceMethod: serviceMethod, Seq: sequence });
    const body = this.#encoder.encode(argument.type, argument.value);
    const reply = new Promise<GobValue>((resolve, reject) => {
      this.#pending.set(sequence, { resolve, reject });
    });
    this.#socket.write(Buffer.concat([head, body]));
    const settled = new AbortController();
    const late = this.#late(serviceMethod, options, settled.signal);
    try {
      return await Promise.race([reply, late]);
    } finally {
      // A reply that comes after all is read and dropped.
      this.#pending.delete(sequence);
      settled.abort();
    }
  }

  close(): void {
    this.#lose(new ConnectionError('the connection was closed'));
    this.#socket.destroy();
  }

  async #late(
    serviceMethod: string,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
    settled: AbortSignal,
  ): Promise<never> {
    const either = signal === undefined ? settled : AbortSignal.any([signal, settled]);
    try {
      await this.#clock.sleep(timeoutMs, either);
    } catch (error) {
      if (signal?.aborted === true) {
        throw error;
      }
      // The reply has won the race: nobody waits for this.
      return await new Promise<never>(() => undefined);
    }
    throw new CallTimeout(`${serviceMethod} was not answered within ${Math.round(timeoutMs / 1000)} s`);
  }

  async #read(decoder: GobDecoder): Promise<void> {
    try {
      for (;;) {
        const head = await decoder.next();
        const body = head === undefined ? undefined : await decoder.next();
        if (head === undefined || body === undefined) {
          throw new ConnectionError('it closed the connection');
        }
        const { Seq: sequence = 0, Error: error } = fieldsOf(head.value);
        const pending = this.#pending.get(Number(sequence));
        if (textOf(error) === '') {
          pending?.resolve(body.value);
        } else {
          pending?.reject(new RemoteError(textOf(error)));
        }
      }
    } catch (error) {
      this.#lose(toConnectionError(error));
      this.#socket.destroy();
    }
  }

  #lose(error: ConnectionError): void {
    this.#lost ??= error;
    for (const { reject } of this.#pending.values()) {
      reject(this.#lost);
    }
    this.#pending.clear();
  }
}

function toConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  const what = error instanceof GobError ? `it sent something that is no gob: ${message}` : message;
  return new ConnectionError(what, { cause: error });
}

function asConnectionError(error: unknown): never {
  throw toConnectionError(error);
}
