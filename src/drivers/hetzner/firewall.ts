import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { cloudCode, unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { publicAddress, rangeOfOne } from '../../cloud/public-address.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { firewallOf, type SharedThing } from './api/answers.ts';
import { isDuplicate, type Hetzner } from './api/hetzner.ts';
import { isWithoutPublicAddress } from './config.ts';
import { labelsOfStore, selector } from './labels.ts';
import { waitOptions } from './wait-server.ts';
import type { HetznerContext, HetznerWorld } from './world.ts';

/**
 * Firewalls. Machines of a store for which the same is open share one, whose name stands for its rules; so it is never
 * changed, and nobody is in anybody's way. It guards public addresses alone: private networks are open to all in them.
 */

/** A rule as a request has it. */
export interface FirewallRule {
  readonly direction: 'in';
  readonly protocol: 'tcp' | 'udp';
  readonly port: string;
  readonly source_ips: readonly string[];
}

const freeTimeoutMs = 30_000;

/** Rules that open the ports to the ranges; without ranges there are none, and nothing is open. */
export function rulesOf(ports: readonly OpenPort[], ranges: readonly string[]): readonly FirewallRule[] {
  return ranges.length === 0
    ? []
    : ports.map(({ protocol, port }) => ({
        direction: 'in',
        protocol,
        port: String(port),
        source_ips: [...ranges],
      }));
}

/** The name of the firewall of a store that has these rules. */
export function firewallName(storeId: string, rules: readonly FirewallRule[]): string {
  const digest = createHash('sha256').update(JSON.stringify(rules)).digest('hex');
  return `tsmachine-${storeId.slice(0, 8)}-${digest.slice(0, 8)}`;
}

/**
 * The firewalls that the server is to have: the user's own as they are; else the one that opens SSH, engine and what was
 * asked for. None for a server that has no public address.
 * @returns their ids.
 */
export async function ensureFirewalls(
  context: HetznerContext,
  world: HetznerWorld,
): Promise<readonly number[]> {
  const { config, exclusively } = context;
  if (config.firewalls.length > 0) {
    return world.state.firewallIds;
  }
  if (isWithoutPublicAddress(config)) {
    return [];
  }
  const { openPorts } = world.state;
  const rules = rulesOf(wantedPorts({ sshPort: config.sshPort, openPorts }), await rangesOf(context, world));
  const ensure = async (): Promise<readonly number[]> => [(await ensureFirewall(context, world, rules)).id];
  // Not at once with a removal of another machine, which would take the firewall for unused.
  return exclusively === undefined ? ensure() : exclusively('firewall', ensure);
}

async function rangesOf(
  { config, host, signal }: HetznerContext,
  { state }: HetznerWorld,
): Promise<readonly string[]> {
  if (state.openTo.length > 0 || config.usesPrivateNetwork) {
    return state.openTo;
  }
  const address = await publicAddress(host, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw unknownRange('The public address of this computer could not be found out.', error);
  });
  if (isIPv6(address) !== config.isIpv4Disabled) {
    throw unknownRange(
      `This computer is known by ${address}, and the server is reached by the other version of IP.`,
    );
  }
  return [rangeOfOne(address)];
}

function unknownRange(why: string, cause?: unknown): MachineError {
  return new MachineError('request-failed', 'Nobody knows from where the ports are to be open.', {
    why,
    remedies: ['Name an address range: --hetzner-open-to 192.0.2.0/24'],
    ...(cause === undefined ? {} : { cause }),
  });
}

async function ensureFirewall(
  { host, signal }: HetznerContext,
  { hetzner, provider }: HetznerWorld,
  rules: readonly FirewallRule[],
): Promise<SharedThing> {
  const { storeId } = await provider.ownership();
  const name = firewallName(storeId, rules);
  const find = async (): Promise<SharedThing | undefined> => {
    const found = await hetzner.list('/firewalls', { name }, firewallOf);
    return found.find(({ labels }) => labels[ownerTags.owner] === storeId);
  };
  const labels = labelsOfStore(storeId, host.clock.nowMs());
  try {
    return await makeOnce({
      find,
      make: async () => {
        await provider.saveState({ hasAskedFirewall: true });
        const body = { name, labels, rules };
        return hetzner.ask({ method: 'POST', path: '/firewalls', body }, (answer) =>
          firewallOf(field(answer, 'firewall')),
        );
      },
      clock: host.clock,
      signal,
    });
  } catch (error) {
    // Another create was quicker.
    const present = isDuplicate(error) ? await find() : undefined;
    if (present === undefined) {
      throw error;
    }
    return present;
  }
}

/**
 * Removes the firewalls that are the store's and that nothing uses any more.
 * @param gone servers that are removed; they may hold their firewall for some seconds more.
 */
export async function removeUnusedFirewalls(
  context: HetznerContext,
  world: HetznerWorld,
  gone: readonly number[],
): Promise<void> {
  const { exclusively } = context;
  const { hetzner, provider } = world;
  const { storeId } = await provider.ownership();
  const isFree = ({ users }: SharedThing): boolean => users.every((id) => gone.includes(id));
  const remove = async (): Promise<void> => {
    const query = { label_selector: selector(ownerTags.owner, storeId) };
    for (const { id } of (await hetzner.list('/firewalls', query, firewallOf)).filter(isFree)) {
      await deleteFreeFirewall(context, hetzner, { id, isFree });
    }
  };
  await (exclusively === undefined ? remove() : exclusively('firewall', remove));
  await provider.saveState({ hasAskedFirewall: false });
}

/** One that another server has taken in the meantime stays. */
async function deleteFreeFirewall(
  context: HetznerContext,
  hetzner: Hetzner,
  { id, isFree }: { readonly id: number; readonly isFree: (firewall: SharedThing) => boolean },
): Promise<void> {
  await waitFor(
    async () => {
      if (await deleteFirewall(hetzner, id)) {
        return true;
      }
      const request = { method: 'GET', path: `/firewalls/${id}` } as const;
      const present = await unlessMissing(() =>
        hetzner.ask(request, (body) => firewallOf(field(body, 'firewall'))),
      );
      return present === undefined || !isFree(present) ? true : undefined;
    },
    waitOptions(context, `the firewall ${id} to be free`, freeTimeoutMs),
  );
}

/** @returns false when something uses it. One that is gone is success. */
export async function deleteFirewall(hetzner: Hetzner, id: number): Promise<boolean> {
  try {
    await unlessMissing(() => hetzner.send({ method: 'DELETE', path: `/firewalls/${id}` }));
    return true;
  } catch (error) {
    if (cloudCode(error) === 'resource_in_use') {
      return false;
    }
    throw error;
  }
}
