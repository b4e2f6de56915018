import type { Duplex } from 'node:stream';
import { isMachineError, messageOf, systemCode } from '../core/errors.ts';
import type { ForwardFailure, PortForward } from '../drivers/driver.ts';
import type { Host, Listener, PortAddress } from '../host/types.ts';
import { diffForwards, forwardKey, type ForwardChange } from './diff.ts';
import type { WantedPort, WantedPorts } from './wanted.ts';
import { relayConnections, relayToPort } from './relay.ts';
import { takenReason, whyTaken } from './why-taken.ts';

/** What has become of a wanted port. */
export interface PortState extends WantedPort {
  /** `conflict`: the port of this computer cannot be had. `unreachable`: nothing leads to the port of the guest. */
  readonly state: 'forwarded' | 'conflict' | 'unreachable';
  /** Why not; for a forwarded port what is missing of it. */
  readonly reason?: string;
}

/** The ways from this computer to a machine. Those that are missing it does not have. */
export interface Ways {
  readonly hypervisor?: {
    list(): Promise<readonly PortForward[]>;
    change(change: ForwardChange): Promise<readonly ForwardFailure[]>;
    /** Makes ports that the guest has on its own loopback address reachable for the hypervisor. */
    openLoopback(): Promise<void>;
  };
  /** A connection to a TCP port as the guest reaches it. */
  readonly dial?: (address: string, port: number) => Promise<Duplex>;
  /** Address under which this computer finds the guest's ports by itself, without a tunnel. */
  readonly directAddress?: string;
  /** Address under which datagrams find the guest's ports. */
  readonly datagramAddress?: string;
}

type PublisherHost = Pick<Host, 'network' | 'clock'>;
type Verdict = Pick<PortState, 'state' | 'reason'>;

const forwarded: Verdict = { state: 'forwarded' };

/** Keeps the ports of this computer as they are wanted. One call at a time. */
export class Publisher {
  readonly #host: PublisherHost;
  readonly #ways: Ways;
  /** What this process itself listens on, by place. */
  readonly #relays = new Map<string, Listener>();
  #isLoopbackOpen = false;

  constructor(host: PublisherHost, ways: Ways) {
    this.#host = host;
    this.#ways = ways;
  }

  /** Makes what is wanted and not there, and ends what is there and not wanted. Ports that cannot be had are data. */
  async apply({ wanted, clashes }: WantedPorts): Promise<readonly PortState[]> {
    const verdicts = new Map<WantedPort, Verdict>();
    const relays = new Map<string, () => Promise<Listener>>();
    const own = wanted.filter((port) => this.#isForHypervisor(port));
    await this.#forward(own, verdicts);
    for (const port of wanted.filter((each) => !own.includes(each))) {
      const relay = this.#relayOf(port);
      if (typeof relay === 'string') {
        verdicts.set(port, { state: 'unreachable', reason: relay });
      } else {
        relays.set(placeOf(port, port.address), relay);
      }
    }
    for (const port of wanted) {
      const { twin } = port;
      if (twin !== undefined && verdicts.get(port)?.state === 'forwarded') {
        const ends = { from: { host: twin, port: port.port }, to: { host: '127.0.0.1', port: port.port } };
        relays.set(placeOf(port, twin), async () => relayToPort(this.#host, port.protocol, ends));
      } else if (twin !== undefined && !verdicts.has(port)) {
        const relay = this.#relayOf({ ...port, address: twin });
        if (typeof relay !== 'string') {
          relays.set(placeOf(port, twin), relay);
        }
      }
    }
    const failures = await this.#relay(relays);
    return [
      ...wanted.map((port) => this.#stateOf(port, verdicts, failures)),
      ...clashes.map(({ port, holder }): PortState => ({
        ...port,
        state: 'conflict',
        reason: `the container "${holder}" has this port already`,
      })),
    ];
  }

  /** The guest may have lost what was done to it; it is done again when it is needed. */
  renew(): void {
    this.#isLoopbackOpen = false;
  }

  /** Ends all of it. */
  async close(): Promise<void> {
    await Promise.all([...this.#relays.values()].map(async (relay) => relay.close()));
    this.#relays.clear();
    const { hypervisor } = this.#ways;
    if (hypervisor !== undefined) {
      await hypervisor.change({ remove: await hypervisor.list(), add: [] });
    }
  }

  #isForHypervisor({ address, guestAddress }: WantedPort): boolean {
    return (
      this.#ways.hypervisor !== undefined &&
      !address.includes(':') &&
      (guestAddress === 'any' || guestAddress === '127.0.0.1')
    );
  }

  /** Ports on the guest's loopback come last: nobody else waits for what they need. */
  async #forward(ports: readonly WantedPort[], verdicts: Map<WantedPort, Verdict>): Promise<void> {
    const { hypervisor } = this.#ways;
    if (hypervisor === undefined) {
      return;
    }
    const present = await hypervisor.list();
    const inner = ports.filter(({ guestAddress }) => guestAddress !== 'any');
    const { remove, add } = diffForwards(present, ports.map(toForward));
    const innerKeys = new Set(inner.map((port) => forwardKey(toForward(port))));
    const isInner = (forward: PortForward): boolean => innerKeys.has(forwardKey(forward));
    const failures = [
      ...(await hypervisor.change({ remove, add: add.filter((forward) => !isInner(forward)) })),
    ];
    const innerAdd = add.filter(isInner);
    let locked: string | undefined;
    if (inner.length > 0) {
      locked = await this.#openLoopback();
    }
    if (innerAdd.length > 0 && locked === undefined) {
      failures.push(...(await hypervisor.change({ remove: [], add: innerAdd })));
    }
    const failed = new Map(failures.map(({ forward, detail }) => [forwardKey(forward), detail]));
    for (const port of ports) {
      const detail = failed.get(forwardKey(toForward(port)));
      if (locked !== undefined && port.guestAddress !== 'any') {
        verdicts.set(port, { state: 'unreachable', reason: locked });
      } else if (detail === undefined) {
        verdicts.set(port, forwarded);
      } else {
        const reason = (await whyTaken(this.#host, port.protocol, addressOf(port))) ?? detail;
        verdicts.set(port, { state: 'conflict', reason });
      }
    }
  }

  /** Why the guest's loopback cannot be reached; undefined when it can. */
  async #openLoopback(): Promise<string | undefined> {
    if (!this.#isLoopbackOpen) {
      try {
        await this.#ways.hypervisor?.openLoopback();
        this.#isLoopbackOpen = true;
      } catch (error) {
        return `it is on the loopback address of the machine: ${messageOf(error)}`;
      }
    }
    return undefined;
  }

  /** How to listen for it in this process, or why that would lead nowhere. */
  #relayOf(port: WantedPort): (() => Promise<Listener>) | string {
    const { dial, datagramAddress, directAddress } = this.#ways;
    if (port.guestAddress === 'any' && directAddress !== undefined) {
      const ends = { from: addressOf(port), to: { host: directAddress, port: port.port } };
      return async () => relayToPort(this.#host, port.protocol, ends);
    }
    if (port.protocol === 'tcp' && dial !== undefined) {
      const target = port.guestAddress === 'any' ? '127.0.0.1' : port.guestAddress;
      return async () => relayConnections(this.#host, addressOf(port), async () => dial(target, port.port));
    }
    if (port.protocol === 'udp' && datagramAddress !== undefined && port.guestAddress === 'any') {
      const ends = { from: addressOf(port), to: { host: datagramAddress, port: port.port } };
      return async () => relayToPort(this.#host, 'udp', ends);
    }
    return port.protocol === 'udp'
      ? `nothing carries datagrams to ${port.guestAddress} of the machine`
      : `nothing leads to ${port.guestAddress} of the machine`;
  }

  /** Starts and ends what this process listens on. @returns why what could not be started was not, by place. */
  async #relay(wanted: ReadonlyMap<string, () => Promise<Listener>>): Promise<ReadonlyMap<string, unknown>> {
    for (const [place, relay] of this.#relays) {
      if (!wanted.has(place)) {
        this.#relays.delete(place);
        await relay.close();
      }
    }
    const failures = new Map<string, unknown>();
    for (const [place, start] of wanted) {
      if (!this.#relays.has(place)) {
        try {
          this.#relays.set(place, await start());
        } catch (error) {
          failures.set(place, error);
        }
      }
    }
    return failures;
  }

  #stateOf(
    port: WantedPort,
    verdicts: ReadonlyMap<WantedPort, Verdict>,
    failures: ReadonlyMap<string, unknown>,
  ): PortState {
    const { twin } = port;
    const failure = failures.get(placeOf(port, port.address));
    if (failure !== undefined) {
      return { ...port, state: 'conflict', reason: reasonOf(failure, addressOf(port)) };
    }
    const verdict = verdicts.get(port) ?? forwarded;
    const twinFailure = twin === undefined ? undefined : failures.get(placeOf(port, twin));
    // A computer without IPv6 misses nothing.
    if (twin === undefined || twinFailure === undefined || isWithoutAddress(twinFailure)) {
      return { ...port, ...verdict };
    }
    return {
      ...port,
      ...verdict,
      reason: `not on ${twin}: ${reasonOf(twinFailure, { host: twin, port: port.port })}`,
    };
  }
}

function toForward({ protocol, address, port }: WantedPort): PortForward {
  return { protocol, hostAddress: address, hostPort: port, guestPort: port };
}

function addressOf({ address, port }: WantedPort): PortAddress {
  return { host: address, port };
}

function placeOf(port: WantedPort, address: string): string {
  return `${port.protocol} ${address} ${String(port.port)} ${port.guestAddress}`;
}

function reasonOf(failure: unknown, address: PortAddress): string {
  return (
    takenReason(systemCode(failure), address) ??
    (isMachineError(failure) ? failure.message : messageOf(failure))
  );
}

function isWithoutAddress(failure: unknown): boolean {
  return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(systemCode(failure) ?? '');
}
