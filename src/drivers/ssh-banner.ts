import type { Endpoint, DriverContext } from './driver.ts';

const connectTimeoutMs = 2000;
const bannerTimeoutMs = 5000;

/** True when an SSH server greets. A forwarded port alone accepts a connection, but says nothing. */
export async function greetsAsSsh(
  { host, signal }: Pick<DriverContext<unknown>, 'host' | 'signal'>,
  { host: address, port }: Endpoint,
): Promise<boolean> {
  const over = new AbortController();
  try {
    const socket = await host.network.connect(
      { host: address, port },
      { timeoutMs: connectTimeoutMs, signal },
    );
    try {
      const greeting = new Promise<boolean>((resolve) => {
        socket.once('data', (data: Uint8Array) => {
          resolve(new TextDecoder().decode(data).startsWith('SSH-'));
        });
        for (const end of ['error', 'close', 'end']) {
          socket.once(end, () => {
            resolve(false);
          });
        }
      });
      const alarm = host.clock.sleep(bannerTimeoutMs, AbortSignal.any([over.signal, signal])).then(
        () => false,
        () => false,
      );
      return await Promise.race([greeting, alarm]);
    } finally {
      over.abort();
      socket.destroy();
    }
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
