import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import { callerRange } from '../../cloud/public-address.ts';
import { firewallOf, type Firewall } from './answers.ts';
import type { DigitalOcean } from './api.ts';
import { findVpc } from './choose.ts';
import { machineTag, ownName, ownTags } from './tags.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/**
 * The firewall of a machine. It holds for a tag that the droplet has from the beginning, so the machine is never without it.
 * Firewalls of others that hold for the droplet can only open more.
 */

/** The ranges of private networks (RFC 1918), for a region that has no VPC before its first droplet. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
const anywhere = { addresses: ['0.0.0.0/0', '::/0'] };

/** Body of POST /v2/firewalls: in comes what was asked for, out goes everything. Pure. */
export function firewallBody(
  name: string,
  {
    tag,
    ports,
    ranges,
  }: { readonly tag: string; readonly ports: readonly OpenPort[]; readonly ranges: readonly string[] },
): Readonly<Record<string, unknown>> {
  return {
    name,
    tags: [tag],
    inbound_rules: ports.map(({ protocol, port }) => ({
      protocol,
      ports: String(port),
      sources: { addresses: ranges },
    })),
    outbound_rules: ['tcp', 'udp', 'icmp'].map((protocol) => ({
      protocol,
      // DigitalOcean's word for all of them.
      ports: '0',
      destinations: anywhere,
    })),
  };
}

/** Makes the tag and the firewall, or finds what an earlier attempt made. */
export async function makeFirewall(context: DropletContext, world: DropletWorld): Promise<Firewall> {
  const { name, config, host, signal } = context;
  const { api, provider, state } = world;
  const own = await provider.ownership();
  const ranges = await rangesOf(context, world);
  await provider.saveState({ isFirewallBegun: true });
  await ensureTag(api, machineTag(own.machineId));
  const firewallName = ownName(own, name);
  const find = async (): Promise<Firewall | undefined> => findByName(api, firewallName);
  const ports = wantedPorts({ sshPort: config.sshPort, openPorts: state.openPorts });
  const body = firewallBody(firewallName, { tag: machineTag(own.machineId), ports, ranges });
  const made = await makeOnce({
    find,
    make: async () => {
      try {
        return await api.one({ method: 'POST', path: '/firewalls', body }, 'firewall', firewallOf);
      } catch (error) {
        // The name is taken: the answer to an earlier sending was lost.
        const present = cloudStatus(error) === 409 ? await find() : undefined;
        if (present === undefined) {
          throw error;
        }
        return present;
      }
    },
    clock: host.clock,
    signal,
    mayBeThere: state.isFirewallBegun,
  });
  await provider.saveState({ firewallId: made.id });
  return made;
}

/** From where the ports are open. Whoever connects to private addresses is inside, or comes by a tunnel. */
async function rangesOf(
  { config, host, signal }: DropletContext,
  { api, state }: DropletWorld,
): Promise<readonly string[]> {
  if (state.openTo.length > 0) {
    return state.openTo;
  }
  if (state.usesPrivateAddress) {
    const range = (await findVpc(api, { region: config.region, vpc: state.vpc }))?.range ?? '';
    return range === '' ? privateRanges : [range];
  }
  return [await callerRange({ host, signal }, 'digitalocean-open-to')];
}

/** Makes a tag, unless it is there: only one that is there can be given to something. */
export async function ensureTag(api: DigitalOcean, name: string): Promise<void> {
  try {
    await api.call({ method: 'POST', path: '/tags', body: { name }, isRepeatable: true });
  } catch (error) {
    const isThere =
      [409, 422].includes(cloudStatus(error) ?? 0) &&
      (await unlessMissing(() => api.call({ method: 'GET', path: `/tags/${name}` }))) !== undefined;
    if (!isThere) {
      throw error;
    }
  }
}

/** The firewall of an id; undefined when DigitalOcean does not know it. */
export async function findFirewall(api: DigitalOcean, id: string): Promise<Firewall | undefined> {
  return unlessMissing(() => api.one({ method: 'GET', path: `/firewalls/${id}` }, 'firewall', firewallOf));
}

/** Every firewall of the account. */
export async function listFirewalls(api: DigitalOcean): Promise<readonly Firewall[]> {
  return api.list('/firewalls', { key: 'firewalls', read: firewallOf });
}

/** The one of a name. */
async function findByName(api: DigitalOcean, name: string): Promise<Firewall | undefined> {
  return (await listFirewalls(api)).find((firewall) => firewall.name === name);
}

/** What is gone already is success. */
export async function deleteFirewall(api: DigitalOcean, id: string): Promise<void> {
  await unlessMissing(() => api.call({ method: 'DELETE', path: `/firewalls/${id}` }));
}

/** Removes the machine's firewall and the tags that nothing else has. */
export async function removeFirewall(
  { name }: DropletContext,
  { api, provider, state }: DropletWorld,
): Promise<void> {
  if (!state.isFirewallBegun) {
    return;
  }
  const own = await provider.ownership();
  const id = state.firewallId === '' ? (await findByName(api, ownName(own, name)))?.id : state.firewallId;
  if (id !== undefined) {
    await deleteFirewall(api, id);
  }
  for (const tag of ownTags(own)) {
    await deleteTag(api, tag);
  }
  await provider.saveState({ isFirewallBegun: false, firewallId: '' });
}

/** Takes a tag from everything that has it, and from the account. */
export async function deleteTag(api: DigitalOcean, name: string): Promise<void> {
  await unlessMissing(() => api.call({ method: 'DELETE', path: `/tags/${name}` }));
}
