import type { DriverContext } from '../driver.ts';

const connectTimeoutMs = 2000;
const bannerTimeoutMs = 5000;

/** True when an SSH server greets at a port of this computer. NAT alone accepts a connection, but says nothing. */
export async function greetsAsSsh(
  { host, signal }: Pick<DriverContext<unknown>, 'host' | 'signal'>,
  port: number,
): Promise<boolean> {
  const over = new AbortController();
  try {
    const address = { host: '127.0.0.1', port };
    const socket = await host.network.connect(address, { timeoutMs: connectTimeoutMs, signal });
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
