import { MachineError } from '../../core/errors.ts';
import {
  booleanFlag,
  grownDiskFlag,
  invalidKey,
  storedBoolean,
  storedText,
  storedWhole,
  textFlag,
  wholeFlag,
} from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import { hostOnlyFault } from './address.ts';

/** The driver's own part of a record. Texts that become arguments are checked against what VirtualBox knows. */
export interface VirtualBoxConfig {
  /** Of the virtual machine; empty until it is made, and in records of docker-machine. */
  readonly uuid: string;
  /** 0: all of this computer. */
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskSizeMiB: number;
  readonly natNicType: string;
  readonly hostDnsResolver: boolean;
  readonly dnsProxy: boolean;
  /** This computer's address in the host-only network with its prefix; empty for none. */
  readonly hostOnlyCidr: string;
  readonly hostOnlyNicType: string;
  readonly hostOnlyPromiscuous: string;
  readonly hostOnlyNoDhcp: boolean;
  readonly uiType: string;
  readonly noVtxCheck: boolean;
  readonly noShare: boolean;
  /** Where a machine of docker-machine was reached last: it has no forwarded port for its engine. */
  readonly lastAddress: string;
}

const nicTypes = ['82540EM', '82543GC', '82545EM', 'Am79C970A', 'Am79C973', 'virtio', 'usbnet'];
const promiscuousModes = ['deny', 'allow-vms', 'allow-all'];
const uiTypes = ['headless', 'gui', 'sdl', 'separate'];

/** docker-machine's limit, which is also the number that VirtualBox always takes. */
const cpusMax = 32;
const memoryMaxMiB = 2_097_152;
const memoryRange = { min: 256, max: memoryMaxMiB, default: 1024, unit: ' MB' };
/** The largest disk of VirtualBox is 2 TiB. */
const diskMaxMiB = 2_097_152;
const diskRange = { min: 1000, max: diskMaxMiB, default: 20_000, unit: ' MB' };

const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Flag values to the keys of the record, which are docker-machine's.
 * @throws MachineError `flag-invalid`, `capability-missing` for what docker-machine could and this driver cannot.
 */
export function configure(values: FlagValues): Configured {
  refuse(values, 'virtualbox-share-folder', 'Folders of this computer are shared with --share PATH.');
  refuse(
    values,
    'virtualbox-import-boot2docker-vm',
    'Machines of the boot2docker program are not taken over.',
  );
  const hostOnlyCidr = textFlag(values, 'virtualbox-hostonly-cidr');
  const fault = hostOnlyCidr === '' ? undefined : hostOnlyFault(hostOnlyCidr);
  if (fault !== undefined) {
    throw new MachineError('flag-invalid', `--virtualbox-hostonly-cidr "${hostOnlyCidr}" cannot be used.`, {
      why: fault,
    });
  }
  const imageSource = textFlag(values, 'virtualbox-boot2docker-url');
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      VBoxManager: {},
      HostInterfaces: {},
      CPU: cpusOf(values, 1),
      Memory: wholeFlag(values, 'virtualbox-memory', memoryRange),
      DiskSize: wholeFlag(values, 'virtualbox-disk-size', diskRange),
      NatNicType: word(values, 'virtualbox-nat-nictype', nicTypes),
      Boot2DockerURL: imageSource,
      Boot2DockerImportVM: '',
      HostDNSResolver: booleanFlag(values, 'virtualbox-host-dns-resolver'),
      HostOnlyCIDR: hostOnlyCidr,
      HostOnlyNicType: word(values, 'virtualbox-hostonly-nictype', nicTypes),
      HostOnlyPromiscMode: word(values, 'virtualbox-hostonly-nicpromisc', promiscuousModes),
      UIType: word(values, 'virtualbox-ui-type', uiTypes),
      HostOnlyNoDHCP: booleanFlag(values, 'virtualbox-hostonly-no-dhcp'),
      NoShare: booleanFlag(values, 'virtualbox-no-share'),
      DNSProxy: !booleanFlag(values, 'virtualbox-no-dns-proxy'),
      NoVTXCheck: booleanFlag(values, 'virtualbox-no-vtx-check'),
      ShareFolder: '',
      VMUUID: '',
    },
    common: { ipAddress: '127.0.0.1', sshUser: 'docker' },
  };
}

/**
 * New sizes of a machine that exists. They hold from the next start on, which also enlarges the disk.
 * @throws MachineError `flag-invalid`, also for a smaller disk.
 */
export function change(values: FlagValues, present: VirtualBoxConfig): Readonly<Record<string, unknown>> {
  return {
    CPU: cpusOf(values, present.cpus),
    Memory: wholeFlag(values, 'virtualbox-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: grownDiskFlag(values, 'virtualbox-disk-size', diskRange, present.diskSizeMiB),
  };
}

/**
 * The driver's part of a stored record. Keys that are missing get docker-machine's defaults; keys of another type or
 * range refuse the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): VirtualBoxConfig {
  const uuid = storedText(raw, 'VMUUID', '').toLowerCase();
  if (uuid !== '' && !uuidPattern.test(uuid)) {
    throw invalidKey('VMUUID', 'it is no UUID');
  }
  const hostOnlyCidr = storedText(raw, 'HostOnlyCIDR', '');
  const fault = hostOnlyCidr === '' ? undefined : hostOnlyFault(hostOnlyCidr);
  if (fault !== undefined) {
    throw invalidKey('HostOnlyCIDR', fault);
  }
  const lastAddress = storedText(raw, 'IPAddress', '');
  if (!/^[0-9A-Za-z.:-]{0,253}$/.test(lastAddress)) {
    throw invalidKey('IPAddress', 'it is no address');
  }
  return {
    uuid,
    cpus: storedWhole(raw, 'CPU', { min: 0, max: 1024, default: 1 }),
    memoryMiB: storedWhole(raw, 'Memory', { min: 4, max: memoryMaxMiB, default: 1024 }),
    diskSizeMiB: storedWhole(raw, 'DiskSize', { min: 1, max: diskMaxMiB, default: 20_000 }),
    natNicType: storedWord(raw, 'NatNicType', nicTypes),
    hostDnsResolver: storedBoolean(raw, 'HostDNSResolver', false),
    dnsProxy: storedBoolean(raw, 'DNSProxy', true),
    hostOnlyCidr,
    hostOnlyNicType: storedWord(raw, 'HostOnlyNicType', nicTypes),
    hostOnlyPromiscuous: storedWord(raw, 'HostOnlyPromiscMode', promiscuousModes),
    hostOnlyNoDhcp: storedBoolean(raw, 'HostOnlyNoDHCP', false),
    uiType: storedWord(raw, 'UIType', uiTypes),
    noVtxCheck: storedBoolean(raw, 'NoVTXCheck', false),
    noShare: storedBoolean(raw, 'NoShare', false),
    lastAddress,
  };
}

/** 0 for all of this computer, as every number below 1 means to docker-machine. */
function cpusOf(values: FlagValues, fallback: number): number {
  const limits = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
  const asked = wholeFlag(values, 'virtualbox-cpu-count', { ...limits, default: fallback });
  return asked < 1 ? 0 : Math.min(asked, cpusMax);
}

function refuse(values: FlagValues, flag: string, message: string): void {
  if (textFlag(values, flag) !== '') {
    throw new MachineError('capability-missing', `--${flag} cannot be used. ${message}`, {
      remedies: [`Leave out --${flag}.`],
      exitCode: 2,
    });
  }
}

/** VirtualBox does not heed the case of these words, and neither did docker-machine. */
function word(values: FlagValues, flag: string, known: readonly string[]): string {
  const value = textFlag(values, flag);
  const found = wordOf(value, known);
  if (found === undefined) {
    throw new MachineError('flag-invalid', `--${flag} "${value}" is not known.`, {
      why: `It is one of ${known.join(', ')}.`,
    });
  }
  return found;
}

/** The known word, the first one for an empty text. */
function wordOf(value: string, known: readonly string[]): string | undefined {
  return value === '' ? known[0] : known.find((one) => one.toLowerCase() === value.toLowerCase());
}

function storedWord(raw: Readonly<Record<string, unknown>>, key: string, known: readonly string[]): string {
  const found = wordOf(storedText(raw, key, ''), known);
  if (found === undefined) {
    throw invalidKey(key, `it must be one of ${known.join(', ')}`);
  }
  return found;
}
