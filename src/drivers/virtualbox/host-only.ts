import { isMachineError, MachineError, systemCode } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { DriverContext } from '../driver.ts';
import { contains, formatAddress, parseCidr, type HostAddress } from './address.ts';
import { addDhcpServer } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { hostOnlyRemedies, knownFault } from './failures.ts';
import {
  isAtLeast,
  parseCreatedInterface,
  parseDhcpNetworks,
  parseHostOnlyInterfaces,
  parseHostOnlyNetworks,
  type HostOnlyInterface,
  type Version,
} from './output.ts';
import { faultError, type VBoxManage } from './vboxmanage.ts';

/** Where a network card is plugged in: an interface, or on macOS from 7.0 on a network. */
export type HostOnlyPlace = { readonly interface: string } | { readonly network: string };

type Context = Pick<DriverContext<VirtualBoxConfig>, 'host' | 'config' | 'exclusively'>;

/** What VirtualBox allows for host-only networks unless a file says otherwise: since 6.1.28, and not on Windows. */
const allowedByDefault = '192.168.56.0/21';
const networksFile = '/etc/vbox/networks.conf';

/** Which part of a network its DHCP server hands out; docker-machine began at 100, too. */
const firstLease = 100;

/**
 * Why VirtualBox would refuse a host-only network; undefined when it would not.
 * @param cidr of the record
 */
export async function forbiddenNetwork(
  host: Host,
  version: Version,
  cidr: string,
): Promise<string | undefined> {
  const wanted = parseCidr(cidr);
  if (wanted === undefined || host.facts.platform === 'win32' || !isAtLeast(version, 6, 1, 28)) {
    return undefined;
  }
  const allowed = await allowedNetworks(host);
  return allowed.some((network) => contains(network, wanted))
    ? undefined
    : `VirtualBox does not allow host-only networks at ${cidr}; allowed are ${allowed.map(nameOf).join(', ')}.`;
}

async function allowedNetworks(host: Host): Promise<HostAddress[]> {
  let text: string;
  try {
    text = await host.files.readText(networksFile);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'EACCES') {
      throw error;
    }
    text = `* ${allowedByDefault}`;
  }
  return parseNetworksFile(text);
}

/** IPv4 networks of /etc/vbox/networks.conf: lines of `* NETWORK…`; `#` begins a remark. */
export function parseNetworksFile(text: string): HostAddress[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line.startsWith('*'))
    .flatMap((line) => line.slice(1).trim().split(/\s+/))
    .flatMap((word) => parseCidr(word) ?? []);
}

function nameOf({ network, prefix }: HostAddress): string {
  return `${formatAddress(network)}/${prefix}`;
}

/**
 * The host-only network of the record, made first if there is none. One process at a time: of two that look at once,
 * both would make one.
 * @throws MachineError `host-not-ready` for an address that is not allowed, `vm-control-failed`.
 */
export async function ensureHostOnly(
  context: Context,
  vbox: VBoxManage,
  version: Version,
): Promise<HostOnlyPlace> {
  const wanted = parseCidr(context.config.hostOnlyCidr);
  if (wanted === undefined) {
    throw new MachineError('bug', 'The record asks for no host-only network.');
  }
  const make = async (): Promise<HostOnlyPlace> =>
    context.host.facts.platform === 'darwin' && isAtLeast(version, 7, 0)
      ? { network: await ensureNetwork(vbox, wanted) }
      : { interface: await ensureInterface(context, vbox, wanted) };
  return context.exclusively === undefined ? make() : context.exclusively('host-only', make);
}

async function ensureInterface(context: Context, vbox: VBoxManage, wanted: HostAddress): Promise<string> {
  const list = async (): Promise<HostOnlyInterface[]> =>
    parseHostOnlyInterfaces((await vbox.run(['list', 'hostonlyifs'])).stdout);
  const present = await list();
  const same = present.find(
    ({ address, netmask }) => address === wanted.address && netmask === wanted.netmask,
  );
  if (same !== undefined) {
    await ensureDhcp(context, vbox, same, wanted);
    return same.name;
  }
  const clash = present.find(({ address }) => address === wanted.address);
  if (clash !== undefined) {
    throw new MachineError(
      'host-not-ready',
      `The host-only interface ${clash.name} has the address ${wanted.address} with another netmask.`,
      { remedies: [`Remove it (VBoxManage hostonlyif remove ${clash.name}), or use another address.`] },
    );
  }
  const name = await createInterface(vbox, wanted);
  const made = (await list()).find((one) => one.name === name);
  await ensureDhcp(context, vbox, made ?? { network: `HostInterfaceNetworking-${name}` }, wanted);
  return name;
}

async function createInterface(vbox: VBoxManage, wanted: HostAddress): Promise<string> {
  const { stdout } = await runKnown(vbox, ['hostonlyif', 'create']);
  const name = parseCreatedInterface(stdout);
  if (name === undefined) {
    throw new MachineError(
      'vm-control-failed',
      'VirtualBox does not tell the name of the new host-only interface.',
    );
  }
  try {
    await runKnown(vbox, [
      'hostonlyif',
      'ipconfig',
      name,
      '--ip',
      wanted.address,
      '--netmask',
      wanted.netmask,
    ]);
  } catch (error) {
    // Every attempt would leave another one.
    await vbox.ask(['hostonlyif', 'remove', name]);
    throw isForbidden(error) ? forbiddenError(wanted, error) : error;
  }
  return name;
}

async function ensureDhcp(
  { config }: Context,
  vbox: VBoxManage,
  { network }: Pick<HostOnlyInterface, 'network'>,
  wanted: HostAddress,
): Promise<void> {
  if (config.hostOnlyNoDhcp) {
    return;
  }
  const isThere = parseDhcpNetworks((await vbox.run(['list', 'dhcpservers'])).stdout).includes(network);
  await runKnown(vbox, addDhcpServer(isThere ? 'modify' : 'add', network, dhcpRange(wanted)));
}

/** The server's own address and what it hands out, none of it this computer's. */
export function dhcpRange(wanted: HostAddress): Parameters<typeof addDhcpServer>[2] {
  const { network, broadcast, netmask, address } = wanted;
  const last = broadcast - 1;
  const lower =
    last - network > firstLease ? network + firstLease : network + 2 + ((last - network - 2) >> 1);
  const isOwn = (value: number): boolean => formatAddress(value) === address;
  const server = isOwn(lower - 1) ? lower - 2 : lower - 1;
  return {
    server: formatAddress(server),
    netmask,
    lower: formatAddress(isOwn(lower) ? lower + 1 : lower),
    upper: formatAddress(isOwn(last) ? last - 1 : last),
  };
}

async function ensureNetwork(vbox: VBoxManage, wanted: HostAddress): Promise<string> {
  const networks = parseHostOnlyNetworks((await vbox.run(['list', 'hostonlynets'])).stdout);
  const same = networks.filter(({ netmask, lower }) => {
    const other = parseCidr(`${lower}/${wanted.prefix}`);
    return netmask === wanted.netmask && other?.network === wanted.network;
  });
  if (same.length > 1) {
    throw new MachineError(
      'host-not-ready',
      `VirtualBox has several host-only networks at ${nameOf(wanted)}.`,
      {
        remedies: ['Remove all but one of them: VBoxManage hostonlynet remove --name NAME'],
      },
    );
  }
  if (same[0] !== undefined) {
    return same[0].name;
  }
  const name = `tsmachine-${formatAddress(wanted.network)}`;
  await runKnown(vbox, [
    ...['hostonlynet', 'add', '--name', name, '--netmask', wanted.netmask],
    ...['--lower-ip', formatAddress(wanted.network + 1), '--upper-ip', formatAddress(wanted.broadcast - 1)],
    '--enable',
  ]);
  return name;
}

/** A command whose known failures are told as such. */
async function runKnown(vbox: VBoxManage, args: readonly string[]): Promise<{ readonly stdout: string }> {
  const answer = await vbox.ask(args);
  if (answer.fault === undefined) {
    return answer;
  }
  throw knownFault(answer.fault) ?? faultError(args, answer.fault);
}

function isForbidden(error: unknown): boolean {
  return isMachineError(error) && error.facts['vbox'] === 'E_ACCESSDENIED';
}

function forbiddenError(wanted: HostAddress, cause: unknown): MachineError {
  return new MachineError(
    'host-not-ready',
    `VirtualBox does not allow a host-only network at ${wanted.address}/${wanted.prefix}.`,
    { why: 'it answers "access denied"', remedies: hostOnlyRemedies(), cause },
  );
}
