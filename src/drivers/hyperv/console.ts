import type { Socket } from 'node:net';
import type { DriverContext } from '../driver.ts';

/** Something that runs beside a start and has to be ended. */
export interface ConsoleCopy {
  /** Ends it; what has come is in the file when this resolves. */
  close(): Promise<void>;
}

const connectTimeoutMs = 1000;
const retryMs = 250;

/**
 * Copies the serial line of a machine, which Hyper-V leads to a pipe and nowhere else, into a file while the machine starts.
 * It is followed by the command that starts the machine, which waits anyway: there is no process that stays. What the
 * guest says when nobody listens is lost, and the guest does not wait for anybody. The pipe is there once the machine
 * runs; where it may not be opened, the start is followed without it.
 */
export function copyConsole(
  { host, signal }: Pick<DriverContext<unknown>, 'host' | 'signal'>,
  pipe: string,
  file: string,
): ConsoleCopy {
  const over = new AbortController();
  const ended = AbortSignal.any([over.signal, signal]);
  const run = async (): Promise<void> => {
    while (!ended.aborted) {
      const socket = await open(pipe);
      if (socket !== undefined) {
        await copy(socket).catch(() => undefined);
      }
      await host.clock.sleep(retryMs, ended);
    }
  };
  const open = async (path: string): Promise<Socket | undefined> => {
    try {
      return await host.network.connect({ path }, { timeoutMs: connectTimeoutMs, signal: ended });
    } catch {
      return undefined;
    }
  };
  const copy = async (socket: Socket): Promise<void> => {
    const stop = (): void => {
      socket.destroy();
    };
    ended.addEventListener('abort', stop, { once: true });
    const decoder = new TextDecoder();
    try {
      for await (const piece of socket) {
        await host.files.appendDurable(file, decoder.decode(piece as Uint8Array, { stream: true }));
      }
    } finally {
      ended.removeEventListener('abort', stop);
      socket.destroy();
    }
  };
  // The console only helps: what fails here is no reason for a machine not to start.
  const done = run().catch(() => undefined);
  return {
    close: async () => {
      over.abort(new Error('the start is over'));
      await done;
    },
  };
}
