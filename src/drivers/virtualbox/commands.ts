import type { PortForward, Share } from '../driver.ts';
import type { VirtualBoxConfig } from './config.ts';
import { isAtLeast, type Version } from './output.ts';

/** Argument lists for VBoxManage. Pure; what differs between versions and processors is decided here. */

/** What the argument lists depend on. */
export interface Dialect {
  readonly version: Version;
  /** Of the guest, as VirtualBox names it. */
  readonly architecture: 'x86' | 'arm';
}

/** Begins the names of rules for ports that containers publish. */
export const publishedPrefix = 'tsm-';

/** Names of the rules that lead to SSH and to the engine. The first one is docker-machine's. */
export const sshRule = 'ssh';
export const engineRule = 'docker';

/** What hangs on which port of the storage controller. */
const ports = { iso: '0', disk: '1', config: '2' } as const;

/** Machines of ARM have no SATA. */
export function controllerName({ architecture }: Dialect): string {
  return architecture === 'arm' ? 'VirtIO' : 'SATA';
}

/**
 * From 7.0 on options have names in words, and from 7.1 on some tell the processor or the firmware that they are for; the
 * older names still work, but are no longer in the usage texts.
 */
function named(dialect: Dialect, modern: string, legacy: string, sinceMinor = 0): string {
  return `--${isAtLeast(dialect.version, 7, sinceMinor) ? modern : legacy}`;
}

export function createMachine(
  dialect: Dialect,
  machine: { readonly name: string; readonly uuid: string; readonly baseFolder: string },
): string[] {
  const isArm = dialect.architecture === 'arm';
  return [
    ...['createvm', '--name', machine.name, '--uuid', machine.uuid, '--basefolder', machine.baseFolder],
    ...['--ostype', isArm ? 'Debian_arm64' : 'Debian_64'],
    // Before 7.1 there was only one, and no such option.
    ...(isAtLeast(dialect.version, 7, 1) ? ['--platform-architecture', dialect.architecture] : []),
    '--register',
  ];
}

export function setSizes(
  uuid: string,
  { cpus, memoryMiB }: { readonly cpus: number; readonly memoryMiB: number },
): string[] {
  return ['modifyvm', uuid, '--cpus', String(cpus), '--memory', String(memoryMiB)];
}

/** Everything of the machine but its console, media and forwarded ports. Can be given again. */
export function modifyMachine(
  dialect: Dialect,
  uuid: string,
  settings: { readonly config: VirtualBoxConfig; readonly cpus: number },
): string[] {
  const { config, cpus } = settings;
  const option = (modern: string, legacy: string): string => named(dialect, modern, legacy);
  const processor =
    dialect.architecture === 'arm'
      ? ['--chipset', 'armv8virtual', '--firmware', 'efi64', '--graphicscontroller', 'qemuramfb']
      : [
          ...['--firmware', 'bios', '--graphicscontroller', 'vmsvga'],
          ...[
            named(dialect, 'x86-pae', 'pae', 1),
            'on',
            named(dialect, 'x86-long-mode', 'longmode', 1),
            'on',
          ],
        ];
  return [
    ...setSizes(uuid, { cpus, memoryMiB: config.memoryMiB }),
    ...['--vram', '8'],
    ...processor,
    ...['--acpi', 'on', '--ioapic', 'on', option('rtc-use-utc', 'rtcuseutc'), 'on'],
    ...firmwareScreen(dialect),
    ...['--boot1', 'dvd', '--boot2', 'none', '--boot3', 'none', '--boot4', 'none'],
    ...(isAtLeast(dialect.version, 7, 0) ? ['--audio-enabled', 'off'] : ['--audio', 'none']),
    ...['--nic1', 'nat', option('nic-type1', 'nictype1'), config.natNicType],
    ...[option('cable-connected1', 'cableconnected1'), 'on'],
    ...nameResolution(config),
    // What listens on this computer's loopback is none of the guest's business. Before 7.0 it could not be told.
    ...(isAtLeast(dialect.version, 7, 0) ? ['--nat-localhostreachable1', 'off'] : []),
  ];
}

/** The guest's serial line goes to a file of this computer, where it tells how far it has come. */
export function captureConsole(dialect: Dialect, uuid: string, consolePath: string): string[] {
  return [
    'modifyvm',
    uuid,
    '--uart1',
    '0x3F8',
    '4',
    named(dialect, 'uart-mode1', 'uartmode1'),
    'file',
    consolePath,
  ];
}

/** No logo and no menu: they cost seconds at every start. */
function firmwareScreen(dialect: Dialect): string[] {
  const bios = (what: string): string =>
    named(dialect, `firmware-${what}`, `bios${what.replaceAll('-', '')}`, 1);
  return [
    ...[bios('logo-fade-in'), 'off', bios('logo-fade-out'), 'off'],
    ...[bios('logo-display-time'), '0', bios('boot-menu'), 'disabled'],
  ];
}

/** 7.2 still takes these, but its usage text no longer shows them under any name. */
function nameResolution(config: VirtualBoxConfig): string[] {
  const onOff = (value: boolean): string => (value ? 'on' : 'off');
  return [
    ...['--natdnshostresolver1', onOff(config.hostDnsResolver)],
    ...['--natdnsproxy1', onOff(config.dnsProxy)],
  ];
}

export function addController(dialect: Dialect, uuid: string): string[] {
  // Machines of ARM have no other.
  const bus =
    dialect.architecture === 'arm'
      ? ['--add', 'virtio-scsi', '--controller', 'VirtIO']
      : ['--add', 'sata', '--controller', 'IntelAhci'];
  return [
    ...['storagectl', uuid, '--name', controllerName(dialect), ...bus],
    ...['--portcount', '3', '--hostiocache', 'on', '--bootable', 'on'],
  ];
}

/** The image, the data disk, and the disk that makes the guest itself, in this order. */
export function attachMedia(
  dialect: Dialect,
  uuid: string,
  media: { readonly iso: string; readonly disk: string; readonly config: string },
): string[][] {
  const attach = (port: string, type: string, medium: string): string[] => [
    ...['storageattach', uuid, '--storagectl', controllerName(dialect), '--port', port, '--device', '0'],
    ...['--type', type, '--medium', medium],
  ];
  return [
    attach(ports.iso, 'dvddrive', media.iso),
    attach(ports.disk, 'hdd', media.disk),
    attach(ports.config, 'dvddrive', media.config),
  ];
}

/** The second network card, in a host-only network. */
export function addHostOnlyCard(
  dialect: Dialect,
  uuid: string,
  settings: {
    readonly config: VirtualBoxConfig;
    /** An interface, or on macOS from 7.0 on a network. */
    readonly place: { readonly interface: string } | { readonly network: string };
  },
): string[] {
  const { config, place } = settings;
  const network =
    'network' in place
      ? ['--nic2', 'hostonlynet', '--host-only-net2', place.network]
      : ['--nic2', 'hostonly', named(dialect, 'host-only-adapter2', 'hostonlyadapter2'), place.interface];
  return [
    ...['modifyvm', uuid, ...network],
    ...[named(dialect, 'nic-type2', 'nictype2'), config.hostOnlyNicType],
    ...[named(dialect, 'nic-promisc2', 'nicpromisc2'), config.hostOnlyPromiscuous],
    ...[named(dialect, 'cable-connected2', 'cableconnected2'), 'on'],
  ];
}

export function removeForwarding(dialect: Dialect, uuid: string, rule: string): string[] {
  return ['modifyvm', uuid, named(dialect, 'nat-pf1', 'natpf1'), 'delete', rule];
}

export function addForwarding(
  dialect: Dialect,
  uuid: string,
  rule: { readonly name: string; readonly hostPort: number; readonly guestPort: number },
): string[] {
  const { name, hostPort, guestPort } = rule;
  return [
    'modifyvm',
    uuid,
    named(dialect, 'nat-pf1', 'natpf1'),
    `${name},tcp,127.0.0.1,${hostPort},,${guestPort}`,
  ];
}

/** Rules of a machine that runs; they are opened at once. */
export function addPublished(uuid: string, name: string, forward: PortForward): string[] {
  const { protocol, hostAddress, hostPort, guestPort } = forward;
  return ['controlvm', uuid, 'natpf1', `${name},${protocol},${hostAddress},${hostPort},,${guestPort}`];
}

/** What the usage text of 7.2 has as one word, and every version takes as two. */
export function removePublished(uuid: string, name: string): string[] {
  return ['controlvm', uuid, 'natpf1', 'delete', name];
}

/** A directory of this computer under a name by which the guest mounts it. */
export function addFolder(uuid: string, { tag, path, isReadOnly }: Share): string[] {
  return [
    ...['sharedfolder', 'add', uuid, '--name', tag, '--hostpath', path],
    ...(isReadOnly ? ['--readonly'] : []),
  ];
}

export function removeFolder(uuid: string, tag: string): string[] {
  return ['sharedfolder', 'remove', uuid, '--name', tag];
}

/** Without it a guest may not make symlinks in a folder. */
export function allowSymlinks(uuid: string, tag: string): string[] {
  return ['setextradata', uuid, `VBoxInternal2/SharedFoldersEnableSymlinksCreate/${tag}`, '1'];
}

export function addDhcpServer(
  action: 'add' | 'modify',
  network: string,
  range: {
    readonly server: string;
    readonly netmask: string;
    readonly lower: string;
    readonly upper: string;
  },
): string[] {
  return [
    ...['dhcpserver', action, '--network', network, '--server-ip', range.server, '--netmask', range.netmask],
    ...['--lower-ip', range.lower, '--upper-ip', range.upper, '--enable'],
  ];
}
