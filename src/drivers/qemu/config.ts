import { MachineError } from '../../core/errors.ts';
import { grownDiskFlag, invalidKey, storedText, storedWhole, textFlag, wholeFlag } from '../config-values.ts';
import type { Configured, FlagValues } from '../driver.ts';
import type { AcceleratorChoice } from '../qemu-board.ts';

/** The driver's own part of a record. */
export interface QemuConfig {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly diskSizeMiB: number;
  readonly accelerator: AcceleratorChoice;
  /** Name or absolute path of qemu-system-*; empty for the one of the image's architecture. */
  readonly program: string;
  /** Host port of the engine at the last start, 0 when there was none; only a wish for the next one. */
  readonly enginePort: number;
}

const accelerators: readonly string[] = ['auto', 'kvm', 'hvf', 'whpx', 'nvmm', 'tcg'];

/** Limits against nonsense in records; what the host can carry is checked before a create. */
const cpusMax = 1024;
const memoryMaxMiB = 64 * 1024 * 1024;
const diskMaxMiB = 1024 * 1024 * 1024;
const programCharsMax = 4096;

const cpuRange = { min: 1, max: cpusMax, default: 2 };
const memoryRange = { min: 512, max: memoryMaxMiB, default: 2048, unit: ' MB' };
const diskRange = { min: 1000, max: diskMaxMiB, default: 20_000, unit: ' MB' };

/**
 * Flag values to the keys of the record, which are those of docker-machine-driver-qemu.
 * @throws MachineError `flag-invalid`.
 */
export function configure(values: FlagValues): Configured {
  const accelerator = textFlag(values, 'qemu-accel') || 'auto';
  if (!accelerators.includes(accelerator)) {
    throw new MachineError('flag-invalid', `--qemu-accel "${accelerator}" is not known.`, {
      why: `It is one of ${accelerators.join(', ')}.`,
    });
  }
  const program = textFlag(values, 'qemu-program');
  const fault = faultOfProgram(program);
  if (fault !== undefined) {
    throw new MachineError('flag-invalid', `--qemu-program cannot be used: ${fault}.`);
  }
  const imageSource = textFlag(values, 'qemu-boot2docker-url');
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      CPU: wholeFlag(values, 'qemu-cpu-count', cpuRange),
      Memory: wholeFlag(values, 'qemu-memory', memoryRange),
      DiskSize: wholeFlag(values, 'qemu-disk-size', diskRange),
      Program: program,
      Boot2DockerURL: imageSource,
      Accel: accelerator,
      EnginePort: 0,
    },
    common: { ipAddress: '127.0.0.1', sshUser: 'docker' },
  };
}

/**
 * New sizes of a machine that exists. They hold from the next start on, which also enlarges the disk.
 * @throws MachineError `flag-invalid`, also for a smaller disk.
 */
export function change(values: FlagValues, present: QemuConfig): Readonly<Record<string, unknown>> {
  return {
    CPU: wholeFlag(values, 'qemu-cpu-count', { ...cpuRange, default: present.cpus }),
    Memory: wholeFlag(values, 'qemu-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: grownDiskFlag(values, 'qemu-disk-size', diskRange, present.diskSizeMiB),
  };
}

/**
 * The driver's part of a stored record. Keys that are missing, as in records of docker-machine's
 * plugin, get their defaults; keys of another type or range refuse the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): QemuConfig {
  const accelerator = storedText(raw, 'Accel', 'auto');
  if (!isChoice(accelerator)) {
    throw invalidKey('Accel', `"${accelerator}" is not one of ${accelerators.join(', ')}`);
  }
  const program = storedText(raw, 'Program', '');
  const fault = faultOfProgram(program);
  if (fault !== undefined) {
    throw invalidKey('Program', fault);
  }
  return {
    cpus: storedWhole(raw, 'CPU', { min: 1, max: cpusMax, default: 2 }),
    memoryMiB: storedWhole(raw, 'Memory', { min: 64, max: memoryMaxMiB, default: 2048 }),
    diskSizeMiB: storedWhole(raw, 'DiskSize', { min: 1, max: diskMaxMiB, default: 20_000 }),
    accelerator,
    program,
    enginePort: storedWhole(raw, 'EnginePort', { min: 0, max: 65_535, default: 0 }),
  };
}

function isChoice(value: string): value is AcceleratorChoice {
  return accelerators.includes(value);
}

/** A bare name is looked up on PATH; a relative path would depend on where the command is called. */
function faultOfProgram(program: string): string | undefined {
  // eslint-disable-next-line no-control-regex -- control characters are what is refused
  if (program.length > programCharsMax || /[\u0000-\u001f]/.test(program)) {
    return 'it is too long or has control characters';
  }
  const isAbsolute = program.startsWith('/') || /^[A-Za-z]:[\\/]/.test(program) || program.startsWith('\\\\');
  return isAbsolute || !/[\\/]/.test(program) ? undefined : 'a path must be absolute';
}
