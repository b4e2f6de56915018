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

/** The driver's own part of a record. */
export interface HyperVConfig {
  /** Of the virtual machine, lower case; empty until it is made, and in records of docker-machine. */
  readonly id: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskSizeMiB: number;
  /** Name of the virtual switch; empty for the one that is chosen. */
  readonly switchName: string;
  /** Twelve digits, upper case; empty for the one that Hyper-V chooses. */
  readonly macAddress: string;
  /** 0 for none. */
  readonly vlanId: number;
  readonly isMemoryDynamic: boolean;
  readonly secureBoot: boolean;
  /** Where the machine was reached last; empty before. */
  readonly lastAddress: string;
}

const cpuRange = { min: 1, max: 1024, default: 1 };
const memoryRange = { min: 256, max: 12 * 1024 * 1024, default: 1024, unit: ' MB' };
/** Up to this the table of blocks of a new disk has room. */
export const diskMaxMiB = 2_097_152;
const diskRange = { min: 1000, max: diskMaxMiB, default: 20_000, unit: ' MB' };
const vlanRange = { min: 0, max: 4094, default: 0 };

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Names of switches may have any characters but those that control something. */
const switchPattern = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{0,256}$/u;

/**
 * Flag values to the keys of the record, which are docker-machine's, and `VMId` and `SecureBoot`.
 * @throws MachineError `flag-invalid`.
 */
export function configure(values: FlagValues): Configured {
  const imageSource = textFlag(values, 'hyperv-boot2docker-url');
  const switchName = textFlag(values, 'hyperv-virtual-switch');
  const macAddress = textFlag(values, 'hyperv-static-macaddress');
  const fault = macFault(macAddress);
  if (fault !== undefined) {
    throw new MachineError('flag-invalid', `--hyperv-static-macaddress "${macAddress}" cannot be used.`, {
      why: fault,
    });
  }
  if (!switchPattern.test(switchName)) {
    throw new MachineError('flag-invalid', '--hyperv-virtual-switch cannot be the name of a switch.');
  }
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      Boot2DockerURL: imageSource,
      VSwitch: switchName,
      DiskSize: wholeFlag(values, 'hyperv-disk-size', diskRange),
      MemSize: wholeFlag(values, 'hyperv-memory', memoryRange),
      CPU: wholeFlag(values, 'hyperv-cpu-count', cpuRange),
      MacAddr: macAddress,
      VLanID: wholeFlag(values, 'hyperv-vlan-id', vlanRange),
      DisableDynamicMemory: booleanFlag(values, 'hyperv-disable-dynamic-memory'),
      SecureBoot: booleanFlag(values, 'hyperv-secure-boot', true),
      VMId: '',
    },
    common: { sshUser: 'docker', sshPort: 22 },
  };
}

/**
 * New sizes of a machine that exists. They hold from the next start on, which also enlarges the disk.
 * @throws MachineError `flag-invalid`, also for a smaller disk.
 */
export function change(values: FlagValues, present: HyperVConfig): Readonly<Record<string, unknown>> {
  return {
    CPU: wholeFlag(values, 'hyperv-cpu-count', { ...cpuRange, default: present.cpus }),
    MemSize: wholeFlag(values, 'hyperv-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: grownDiskFlag(values, 'hyperv-disk-size', diskRange, present.diskSizeMiB),
  };
}

/**
 * The driver's part of a stored record. Keys that are missing get docker-machine's defaults; keys of another type or
 * range refuse the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): HyperVConfig {
  const id = storedText(raw, 'VMId', '').toLowerCase();
  if (id !== '' && !idPattern.test(id)) {
    throw invalidKey('VMId', 'it is no GUID');
  }
  const switchName = storedText(raw, 'VSwitch', '');
  if (!switchPattern.test(switchName)) {
    throw invalidKey('VSwitch', 'it cannot be the name of a switch');
  }
  const macAddress = storedText(raw, 'MacAddr', '');
  const fault = macFault(macAddress);
  if (fault !== undefined) {
    throw invalidKey('MacAddr', fault);
  }
  const lastAddress = storedText(raw, 'IPAddress', '');
  if (!/^[0-9A-Za-z.:-]{0,253}$/.test(lastAddress)) {
    throw invalidKey('IPAddress', 'it is no address');
  }
  return {
    id,
    cpus: storedWhole(raw, 'CPU', cpuRange),
    memoryMiB: storedWhole(raw, 'MemSize', { ...memoryRange, min: 1 }),
    diskSizeMiB: storedWhole(raw, 'DiskSize', { ...diskRange, min: 1 }),
    switchName,
    macAddress: digitsOf(macAddress),
    vlanId: storedWhole(raw, 'VLanID', vlanRange),
    isMemoryDynamic: !storedBoolean(raw, 'DisableDynamicMemory', false),
    secureBoot: storedBoolean(raw, 'SecureBoot', true),
    lastAddress,
  };
}

/** What is wrong with a text as the MAC address of a machine; nothing with an empty one. */
function macFault(text: string): string | undefined {
  if (text === '') {
    return undefined;
  }
  if (!/^(?:[0-9a-f]{12}|[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4})$/i.test(text)) {
    return 'It must be a MAC address such as 00:15:5d:01:02:03';
  }
  const isGroup = (Number.parseInt(text.slice(0, 2), 16) & 1) === 1;
  return isGroup ? 'It is the address of a group: its first byte must be even' : undefined;
}

function digitsOf(macAddress: string): string {
  return macAddress.replaceAll(/[:-]/g, '').toUpperCase();
}
