import type { DatagramSocket, Host, Listener, PortAddress } from '../host/types.ts';

/** One client of the port, with the socket that speaks to the far end in its place. */
interface Exchange {
  readonly socket: Promise<DatagramSocket>;
  usedMs: number;
}

/** A client that was silent for so long is forgotten. */
const silenceMaxMs = 90_000;
const sweepMs = 30_000;
/** Each has a socket. */
const clientsMax = 512;

/**
 * Hands datagrams to another port and the answers back to whoever asked, until it is closed.
 * @throws the system's error when the port cannot be taken.
 */
export async function relayDatagrams(
  { network, clock }: Pick<Host, 'network' | 'clock'>,
  { from, to }: { readonly from: PortAddress; readonly to: PortAddress },
): Promise<Listener> {
  const exchanges = new Map<string, Exchange>();
  const ended = new AbortController();
  let isSweeping = false;
  const forget = (key: string): void => {
    exchanges.get(key)?.socket.then(
      async (socket) => socket.close(),
      () => undefined,
    );
    exchanges.delete(key);
  };
  const sweep = async (): Promise<void> => {
    isSweeping = true;
    while (exchanges.size > 0) {
      await clock.sleep(sweepMs, ended.signal);
      for (const [key, { usedMs }] of exchanges) {
        if (clock.monotonicMs() - usedMs > silenceMaxMs) {
          forget(key);
        }
      }
    }
    isSweeping = false;
  };
  const begin = (client: PortAddress, key: string): Exchange => {
    const [oldest] = exchanges.keys();
    if (oldest !== undefined && exchanges.size >= clientsMax) {
      forget(oldest);
    }
    const exchange: Exchange = {
      usedMs: clock.monotonicMs(),
      socket: network.bindDatagrams({ host: ownAddressFor(to.host), port: 0 }, (answer, sender) => {
        if (sender.port === to.port) {
          exchange.usedMs = clock.monotonicMs();
          port.send(answer, client);
        }
      }),
    };
    exchanges.set(key, exchange);
    if (!isSweeping) {
      sweep().catch(() => undefined);
    }
    return exchange;
  };
  const port = await network.bindDatagrams(from, (message, client) => {
    const key = `${client.host} ${String(client.port)}`;
    const exchange = exchanges.get(key) ?? begin(client, key);
    exchange.usedMs = clock.monotonicMs();
    exchange.socket.then(
      (socket) => {
        socket.send(message, to);
      },
      () => {
        exchanges.delete(key);
      },
    );
  });
  return {
    close: async () => {
      ended.abort(new Error('closed'));
      for (const key of [...exchanges.keys()]) {
        forget(key);
      }
      await port.close();
    },
  };
}

/** What stays on this computer is asked from an address that only this computer has. */
function ownAddressFor(target: string): string {
  if (target.includes(':')) {
    return target === '::1' ? '::1' : '::';
  }
  return target.startsWith('127.') ? '127.0.0.1' : '0.0.0.0';
}
