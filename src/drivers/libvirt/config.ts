import { MachineError } from '../../core/errors.ts';
import { grownDiskFlag, invalidKey, storedText, storedWhole, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';

/** What the user may ask for; `auto` takes what a test boot has proven. */
export type LibvirtAccelerator = 'auto' | 'kvm' | 'tcg';

/** The driver's own part of a record. */
export interface LibvirtConfig {
  /** Of the domain; empty until it is made. */
  readonly uuid: string;
  readonly uri: string;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskSizeMiB: number;
  readonly accelerator: LibvirtAccelerator;
  /** Host ports at the last start, 0 when there was none; only a wish for the next one. */
  readonly sshPort: number;
  readonly enginePort: number;
}

const accelerators: readonly string[] = ['auto', 'kvm', 'tcg'];
/** The machine's files are on this computer, so libvirt has to be here, too. */
const uriPattern = /^qemu(?:\+unix)?:\/\/\/(?:session|system)(?:\?[\w=&./%~-]{0,1000})?$/;
const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const defaultUri = 'qemu:///session';

/** Limits against nonsense in records; what the host can carry is checked before a create. */
const cpuRange = { min: 1, max: 1024, default: 2 };
const memoryRange = { min: 512, max: 64 * 1024 * 1024, default: 2048, unit: ' MB' };
const diskRange = { min: 1000, max: 1024 * 1024 * 1024, default: 20_000, unit: ' MB' };
const portRange = { min: 0, max: 65_535, default: 0 };

/**
 * Flag values to the keys of the record.
 * @throws MachineError `flag-invalid`.
 */
export function configure(values: FlagValues): Configured {
  const uri = textFlag(values, 'libvirt-uri') || defaultUri;
  if (!uriPattern.test(uri)) {
    throw new MachineError('flag-invalid', `--libvirt-uri "${uri}" cannot be used.`, {
      why: 'A machine lives on this computer, in libvirt with QEMU.',
      remedies: ['Use qemu:///session, or qemu:///system.'],
    });
  }
  const accelerator = textFlag(values, 'libvirt-accel') || 'auto';
  if (!isAccelerator(accelerator)) {
    throw new MachineError('flag-invalid', `--libvirt-accel "${accelerator}" is not known.`, {
      why: `It is one of ${accelerators.join(', ')}.`,
    });
  }
  const imageSource = textFlag(values, 'libvirt-boot2docker-url');
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      UUID: '',
      URI: uri,
      CPU: wholeFlag(values, 'libvirt-cpu-count', cpuRange),
      Memory: wholeFlag(values, 'libvirt-memory', memoryRange),
      DiskSize: wholeFlag(values, 'libvirt-disk-size', diskRange),
      Boot2DockerURL: imageSource,
      Accel: accelerator,
      HostSSHPort: 0,
      EnginePort: 0,
    },
    common: { ipAddress: '127.0.0.1', sshUser: 'docker' },
  };
}

/**
 * New sizes of a machine that exists. They hold from the next start on, which also enlarges the disk.
 * @throws MachineError `flag-invalid`, also for a smaller disk.
 */
export function change(values: FlagValues, present: LibvirtConfig): Readonly<Record<string, unknown>> {
  return {
    CPU: wholeFlag(values, 'libvirt-cpu-count', { ...cpuRange, default: present.cpus }),
    Memory: wholeFlag(values, 'libvirt-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: grownDiskFlag(values, 'libvirt-disk-size', diskRange, present.diskSizeMiB),
  };
}

/**
 * The driver's part of a stored record. Keys that are missing get their defaults; keys of another type or range refuse
 * the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): LibvirtConfig {
  const uuid = storedText(raw, 'UUID', '').toLowerCase();
  if (uuid !== '' && !uuidPattern.test(uuid)) {
    throw invalidKey('UUID', 'it is no UUID');
  }
  const uri = storedText(raw, 'URI', defaultUri);
  if (!uriPattern.test(uri)) {
    throw invalidKey('URI', 'it is no connection to libvirt with QEMU on this computer');
  }
  const accelerator = storedText(raw, 'Accel', 'auto');
  if (!isAccelerator(accelerator)) {
    throw invalidKey('Accel', `"${accelerator}" is not one of ${accelerators.join(', ')}`);
  }
  return {
    uuid,
    uri,
    cpus: storedWhole(raw, 'CPU', cpuRange),
    memoryMiB: storedWhole(raw, 'Memory', { ...memoryRange, min: 64 }),
    diskSizeMiB: storedWhole(raw, 'DiskSize', { ...diskRange, min: 1 }),
    accelerator,
    sshPort: storedWhole(raw, 'HostSSHPort', portRange),
    enginePort: storedWhole(raw, 'EnginePort', portRange),
  };
}

function isAccelerator(value: string): value is LibvirtAccelerator {
  return accelerators.includes(value);
}
