import { isIPv4 } from 'node:net';
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
export interface VzConfig {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskSizeMiB: number;
  /** Name or absolute path of vfkit; empty for the one that is installed. */
  readonly program: string;
  /** Programs for x86-64 run in the machine, by way of Apple's Rosetta. */
  readonly rosetta: boolean;
  /** Where the machine was reached last; empty when it never was. */
  readonly lastAddress: string;
}

/** Limits against nonsense in records; what the host can carry is checked before a create. */
const cpuRange = { min: 1, max: 1024, default: 2 };
const memoryRange = { min: 512, max: 64 * 1024 * 1024, default: 2048, unit: ' MB' };
const diskRange = { min: 1000, max: 1024 * 1024 * 1024, default: 20_000, unit: ' MB' };
const programPattern = /^(?:\/[^\p{Cc}]{1,4000}|[\w.+-]{0,255})$/u;

/**
 * Flag values to the keys of the record.
 * @throws MachineError `flag-invalid`.
 */
export function configure(values: FlagValues): Configured {
  const program = textFlag(values, 'vz-program');
  if (!programPattern.test(program)) {
    throw new MachineError('flag-invalid', '--vz-program cannot be used: a path must be absolute.');
  }
  const imageSource = textFlag(values, 'vz-boot2docker-url');
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      CPU: wholeFlag(values, 'vz-cpu-count', cpuRange),
      Memory: wholeFlag(values, 'vz-memory', memoryRange),
      DiskSize: wholeFlag(values, 'vz-disk-size', diskRange),
      Boot2DockerURL: imageSource,
      Program: program,
      ...(booleanFlag(values, 'vz-rosetta') ? { Rosetta: true } : {}),
    },
    common: { sshUser: 'docker' },
  };
}

/**
 * New sizes of a machine that exists. They hold from the next start on, which also enlarges the disk.
 * @throws MachineError `flag-invalid`, also for a smaller disk.
 */
export function change(values: FlagValues, present: VzConfig): Readonly<Record<string, unknown>> {
  return {
    CPU: wholeFlag(values, 'vz-cpu-count', { ...cpuRange, default: present.cpus }),
    Memory: wholeFlag(values, 'vz-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: grownDiskFlag(values, 'vz-disk-size', diskRange, present.diskSizeMiB),
  };
}

/**
 * The driver's part of a stored record. Keys that are missing get their defaults; keys of another type or range refuse
 * the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): VzConfig {
  const program = storedText(raw, 'Program', '');
  if (!programPattern.test(program)) {
    throw invalidKey('Program', 'a path must be absolute');
  }
  const lastAddress = storedText(raw, 'IPAddress', '');
  if (lastAddress !== '' && !isIPv4(lastAddress)) {
    throw invalidKey('IPAddress', 'it is no IPv4 address');
  }
  return {
    cpus: storedWhole(raw, 'CPU', cpuRange),
    memoryMiB: storedWhole(raw, 'Memory', { ...memoryRange, min: 64 }),
    diskSizeMiB: storedWhole(raw, 'DiskSize', { ...diskRange, min: 1 }),
    program,
    rosetta: storedBoolean(raw, 'Rosetta', false),
    lastAddress,
  };
}
