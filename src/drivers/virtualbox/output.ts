/** Readers of what VBoxManage prints. Pure; every one passes over lines that it does not know, such as Debian's warnings. */

/** A version of VirtualBox. */
export interface Version {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/**
 * The version in the output of `--version`: the last line of the form `7.1.6r167084` or `7.2.22_Debianr175245`.
 * Wrappers write warnings before it, to the same stream.
 */
export function parseVersion(stdout: string): Version | undefined {
  const versions = linesOf(stdout).flatMap((line) => {
    const match = /^(\d+)\.(\d+)\.(\d+)(?:_\S*?)?r\d+$/.exec(line.trim());
    return match === null
      ? []
      : [{ text: match[0], major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) }];
  });
  return versions.at(-1);
}

/** True when a version is the named one or newer. */
export function isAtLeast(version: Version, major: number, minor: number, patch = 0): boolean {
  if (version.major !== major) {
    return version.major > major;
  }
  return version.minor === minor ? version.patch >= patch : version.minor > minor;
}

/** The warning of a start script that the kernel module is not there, on any of the two outputs. */
export function lacksKernelModule(output: string): boolean {
  return /WARNING: The (?:character device \/dev\/vboxdrv does not exist|vboxdrv kernel module is not loaded)/.test(
    output,
  );
}

/** What VBoxManage says when it fails. */
export interface VBoxFault {
  /** The first error line, which names the cause. */
  readonly message: string;
  /** Symbolic code, such as `VBOX_E_OBJECT_NOT_FOUND`; empty when none is given. */
  readonly code: string;
}

/** The error in what VBoxManage wrote to stderr; undefined when there is none. Banners and progress may come first. */
export function parseFault(stderr: string): VBoxFault | undefined {
  const errors = linesOf(stderr).flatMap((line) => {
    const match = /^VBoxManage(?:\.exe)?: error: (.*)$/i.exec(line);
    return match?.[1] === undefined ? [] : [match[1].trim()];
  });
  const [message] = errors;
  if (message === undefined) {
    return undefined;
  }
  const code = errors
    .map((line) => /^(?:Details: code|Code) (\w+) \(0x[0-9a-f]+\)/i.exec(line)?.[1])
    .find((found) => found !== undefined);
  return { message, code: code ?? '' };
}

/** The UUID that `createvm` and `createmedium` tell. */
export function parseUuid(stdout: string): string | undefined {
  return /UUID: ([0-9a-f-]{36})/i.exec(stdout)?.[1]?.toLowerCase();
}

/** One virtual machine of `list vms`; the name of one that cannot be read is `<inaccessible>`. */
export interface ListedMachine {
  readonly name: string;
  readonly uuid: string;
}

/** `list vms`: `"name" {uuid}` lines. Names may hold quotes. */
export function parseMachines(stdout: string): ListedMachine[] {
  return linesOf(stdout).flatMap((line) => {
    const match = /^"(.*)" \{([0-9a-f-]{36})\}$/i.exec(line.trimEnd());
    return match === null ? [] : [{ name: match[1] ?? '', uuid: (match[2] ?? '').toLowerCase() }];
  });
}

/** A rule of NAT port forwarding. */
export interface Forwarding {
  readonly name: string;
  readonly protocol: string;
  readonly hostAddress: string;
  readonly hostPort: number;
  readonly guestPort: number;
}

/** What `showvminfo --machinereadable` says of a virtual machine, as far as it is needed. */
export interface MachineInfo {
  readonly name: string;
  readonly uuid: string;
  /** `poweroff`, `running`, … */
  readonly state: string;
  readonly settingsFile: string;
  readonly logFolder: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly forwardings: readonly Forwarding[];
  /** Names of storage controllers. */
  readonly controllers: readonly string[];
  /** Everything, by key. */
  readonly values: ReadonlyMap<string, string>;
}

/** Undefined for an output without a state, which is no description of a machine. */
export function parseMachineInfo(stdout: string): MachineInfo | undefined {
  const values = keyValues(stdout);
  const state = values.get('VMState');
  if (state === undefined) {
    return undefined;
  }
  const text = (key: string): string => values.get(key) ?? '';
  return {
    name: text('name'),
    uuid: text('UUID').toLowerCase(),
    state,
    settingsFile: text('CfgFile'),
    logFolder: text('LogFldr'),
    cpus: Number(text('cpus')),
    memoryMiB: Number(text('memory')),
    forwardings: [...values].flatMap(([key, value]) =>
      /^Forwarding\(\d+\)$/.test(key) ? parseForwarding(value) : [],
    ),
    controllers: [...values].flatMap(([key, value]) =>
      /^storagecontrollername\d+$/.test(key) ? [value] : [],
    ),
    values,
  };
}

/** `key="value"`, `key=value` and `"key"="value"` lines. Values are not escaped, so a quote in one counts as such. */
function keyValues(stdout: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of linesOf(stdout)) {
    const match = /^(?:"([^"]*)"|([^"=\s][^"=]*))=(.*)$/.exec(line);
    const key = match?.[1] ?? match?.[2];
    if (match !== null && key !== undefined) {
      const value = match[3] ?? '';
      values.set(key, /^".*"$/.test(value) ? value.slice(1, -1) : value);
    }
  }
  return values;
}

/** `ssh,tcp,127.0.0.1,40022,,22`; the name may not hold a comma. */
function parseForwarding(text: string): Forwarding[] {
  const [name = '', protocol = '', hostAddress = '', hostPort = '', , guestPort = ''] = text.split(',');
  const ports = [Number(hostPort), Number(guestPort)];
  return ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536)
    ? [{ name, protocol, hostAddress, hostPort: ports[0] ?? 0, guestPort: ports[1] ?? 0 }]
    : [];
}

/** What `list hostinfo` and `list systemproperties` tell; undefined where they do not. */
export interface HostAbilities {
  /** Undefined also where the number of processors is told as 0, as in containers: the rest is then no better known. */
  readonly hasVirtualization?: boolean;
  readonly cpusMax?: number;
  readonly memoryMaxMiB?: number;
  /** `x86`, `arm`; empty before 7.1, which has no such line. */
  readonly architectures: readonly string[];
}

/** Reads both outputs, one after the other. */
export function parseHostAbilities(stdout: string): HostAbilities {
  const values = new Map(
    colonBlocks(stdout)
      .toReversed()
      .flatMap((block) => [...block]),
  );
  const whole = (key: string): number | undefined => {
    const found = /^\d+/.exec(values.get(key) ?? '')?.[0];
    return found === undefined ? undefined : Number(found);
  };
  const virtualization = values.get('Processor supports HW virtualization');
  const isKnown =
    virtualization !== undefined && (virtualization === 'yes' || whole('Processor count') !== 0);
  const [cpusMax, memoryMaxMiB] = [whole('Maximum guest CPU count'), whole('Maximum guest RAM size')];
  return {
    ...(isKnown ? { hasVirtualization: virtualization === 'yes' } : {}),
    ...(cpusMax === undefined ? {} : { cpusMax }),
    ...(memoryMaxMiB === undefined ? {} : { memoryMaxMiB }),
    architectures: (values.get('Supported platform architectures') ?? '')
      .split(/[\s,]+/)
      .filter((word) => word !== '')
      .map((word) => word.toLowerCase()),
  };
}

/** One medium that VirtualBox knows. */
export interface Medium {
  readonly uuid: string;
  readonly location: string;
}

/** `list hdds` and `list dvds`. */
export function parseMedia(stdout: string): Medium[] {
  return colonBlocks(stdout).flatMap((block) => {
    const [uuid, location] = [block.get('UUID'), block.get('Location')];
    return uuid === undefined || location === undefined ? [] : [{ uuid, location }];
  });
}

/** Capacity in `showmediuminfo`, in MiB. */
export function parseCapacityMiB(stdout: string): number | undefined {
  const capacity = colonBlocks(stdout)
    .map((block) => block.get('Capacity'))
    .find((value) => value !== undefined);
  const found = /^(\d+) MBytes$/.exec(capacity ?? '')?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The value in the answer of `getextradata` or `guestproperty get`; undefined for `No value set!`. */
export function parseExtraData(stdout: string): string | undefined {
  const line = linesOf(stdout).find((one) => one.startsWith('Value: '));
  return line?.slice('Value: '.length);
}

/** An interface for host-only networks: Windows, Linux, and macOS before 7.0. */
export interface HostOnlyInterface {
  readonly name: string;
  readonly address: string;
  readonly netmask: string;
  /** Name of its network, which a DHCP server is made for. */
  readonly network: string;
}

/** `list hostonlyifs`. */
export function parseHostOnlyInterfaces(stdout: string): HostOnlyInterface[] {
  return colonBlocks(stdout).flatMap((block) => {
    const [name, network] = [block.get('Name'), block.get('VBoxNetworkName')];
    return name === undefined || network === undefined
      ? []
      : [{ name, network, address: block.get('IPAddress') ?? '', netmask: block.get('NetworkMask') ?? '' }];
  });
}

/** The name in the answer of `hostonlyif create`. */
export function parseCreatedInterface(stdout: string): string | undefined {
  return /Interface '([^']+)' was successfully created/.exec(stdout)?.[1];
}

/** A host-only network of macOS from 7.0 on. */
export interface HostOnlyNetwork {
  readonly name: string;
  readonly netmask: string;
  readonly lower: string;
}

/** `list hostonlynets`; a block has an empty line in it and ends with its key `VBoxNetworkName`. */
export function parseHostOnlyNetworks(stdout: string): HostOnlyNetwork[] {
  const networks: HostOnlyNetwork[] = [];
  let block = new Map<string, string>();
  for (const line of linesOf(stdout)) {
    const [key, value] = colonPair(line) ?? [];
    if (key === undefined || value === undefined) {
      continue;
    }
    block = key === 'Name' ? new Map<string, string>() : block;
    block.set(key, value);
    const name = block.get('Name');
    if (key === 'VBoxNetworkName' && name !== undefined) {
      networks.push({ name, netmask: block.get('NetworkMask') ?? '', lower: block.get('LowerIP') ?? '' });
    }
  }
  return networks;
}

/** Names of the networks that have a DHCP server, from `list dhcpservers`. */
export function parseDhcpNetworks(stdout: string): string[] {
  return colonBlocks(stdout).flatMap((block) => block.get('NetworkName') ?? []);
}

/** Blocks of `Key:   value` lines, separated by empty lines. Of a key that is there twice the first counts. */
function colonBlocks(stdout: string): Map<string, string>[] {
  const blocks: Map<string, string>[] = [];
  let isOpen = false;
  for (const line of linesOf(stdout)) {
    const pair = colonPair(line);
    if (pair === undefined) {
      isOpen = isOpen && line.trim() !== '';
      continue;
    }
    const block = isOpen ? blocks.at(-1) : undefined;
    if (block === undefined) {
      blocks.push(new Map([pair]));
      isOpen = true;
    } else if (!block.has(pair[0])) {
      block.set(...pair);
    }
  }
  return blocks;
}

function colonPair(line: string): [string, string] | undefined {
  const match = /^([^\s:][^:]*):\s*(.*?)\s*$/.exec(line);
  return match === null ? undefined : [match[1] ?? '', match[2] ?? ''];
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}
