import type { Duplex } from 'node:stream';
import type { Host, Listener, PortAddress } from '../host/types.ts';
import { relayDatagrams } from './relay-datagrams.ts';

/** Opens the far end of a connection. */
export type Dial = () => Promise<Duplex>;

const connectTimeoutMs = 10_000;

/**
 * Takes connections at an address of this computer and hands what they say to the far end and back, until it is closed.
 * A connection whose far end cannot be opened is cut.
 * @throws the system's error when the port cannot be taken.
 */
export async function relayConnections(
  host: Pick<Host, 'network'>,
  address: PortAddress,
  dial: Dial,
): Promise<Listener> {
  return host.network.listenAt(address, (near) => {
    near.on('error', () => undefined);
    dial().then(
      (far) => {
        joinStreams(near, far);
      },
      () => {
        near.resetAndDestroy();
      },
    );
  });
}

/** The same for another port of this computer as the far end, which may be one of UDP. */
export async function relayToPort(
  host: Pick<Host, 'network' | 'clock'>,
  protocol: 'tcp' | 'udp',
  ends: { readonly from: PortAddress; readonly to: PortAddress },
): Promise<Listener> {
  if (protocol === 'udp') {
    return relayDatagrams(host, ends);
  }
  return relayConnections(host, ends.from, async () =>
    host.network.connect(ends.to, { timeoutMs: connectTimeoutMs, allowHalfOpen: true }),
  );
}

/** Each hears what the other says; an end is passed on, and what breaks breaks both. */
function joinStreams(near: Duplex, far: Duplex): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.on('error', () => {
      to.destroy();
    });
    from.once('close', () => {
      if (!from.readableEnded) {
        to.destroy();
      }
    });
    from.pipe(to);
  }
  if (near.destroyed) {
    far.destroy();
  }
}
