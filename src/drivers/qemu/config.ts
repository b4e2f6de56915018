import { MachineError } from '../../core/errors.ts';
import type { Configured, FlagValues } from '../driver.ts';

/** What the user may ask for; `auto` takes what a test boot has proven. */
export type AcceleratorChoice = 'auto' | Accelerator;
/** What QEMU runs the guest's instructions with; `tcg` translates them. */
export type Accelerator = 'kvm' | 'hvf' | 'whpx' | 'nvmm' | 'tcg';

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

const cpuRange = { min: 1, max: cpusMax, default: 2, unit: '' };
const memoryRange = { min: 512, max: memoryMaxMiB, default: 2048, unit: ' MB' };
const diskRange = { min: 1000, max: diskMaxMiB, default: 20_000, unit: ' MB' };

/**
 * Flag values to the keys of the record, which are those of docker-machine-driver-qemu.
 * @throws MachineError `flag-invalid`.
 */
export function configure(values: FlagValues): Configured {
  const accelerator = text(values, 'qemu-accel') || 'auto';
  if (!accelerators.includes(accelerator)) {
    throw new MachineError('flag-invalid', `--qemu-accel "${accelerator}" is not known.`, {
      why: `It is one of ${accelerators.join(', ')}.`,
    });
  }
  const program = text(values, 'qemu-program');
  const fault = faultOfProgram(program);
  if (fault !== undefined) {
    throw new MachineError('flag-invalid', `--qemu-program cannot be used: ${fault}.`);
  }
  const imageSource = text(values, 'qemu-boot2docker-url');
  return {
    ...(imageSource === '' ? {} : { imageSource }),
    config: {
      CPU: whole(values, 'qemu-cpu-count', cpuRange),
      Memory: whole(values, 'qemu-memory', memoryRange),
      DiskSize: whole(values, 'qemu-disk-size', diskRange),
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
  const disk = whole(values, 'qemu-disk-size', { ...diskRange, default: present.diskSizeMiB });
  if (disk < present.diskSizeMiB) {
    throw new MachineError(
      'flag-invalid',
      `The disk cannot be made smaller than ${present.diskSizeMiB} MB.`,
      {
        why: 'What is on it would be lost.',
      },
    );
  }
  return {
    CPU: whole(values, 'qemu-cpu-count', { ...cpuRange, default: present.cpus }),
    Memory: whole(values, 'qemu-memory', { ...memoryRange, default: present.memoryMiB }),
    DiskSize: disk,
  };
}

/**
 * The driver's part of a stored record. Keys that are missing, as in records of docker-machine's
 * plugin, get their defaults; keys of another type or range refuse the record.
 * @throws MachineError `record-invalid`.
 */
export function readConfig(raw: Readonly<Record<string, unknown>>): QemuConfig {
  const accelerator = stored(raw, 'Accel', 'auto');
  if (!isChoice(accelerator)) {
    throw invalid('Accel', `"${accelerator}" is not one of ${accelerators.join(', ')}`);
  }
  const program = stored(raw, 'Program', '');
  const fault = faultOfProgram(program);
  if (fault !== undefined) {
    throw invalid('Program', fault);
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

interface Range {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

function whole(values: FlagValues, flag: string, range: Range & { readonly unit: string }): number {
  const value = values[flag] ?? range.default;
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw new MachineError('flag-invalid', `--${flag} must be a whole number, not "${String(value)}".`);
  }
  if (value < range.min || value > range.max) {
    const limit = value < range.min ? `at least ${range.min}` : `at most ${range.max}`;
    throw new MachineError('flag-invalid', `--${flag} must be ${limit}${range.unit}, not ${value}.`);
  }
  return value;
}

function text(values: FlagValues, flag: string): string {
  const value = values[flag] ?? '';
  if (typeof value !== 'string') {
    throw new MachineError('flag-invalid', `--${flag} takes one text.`);
  }
  return value;
}

function storedWhole(raw: Readonly<Record<string, unknown>>, key: string, range: Range): number {
  const value = raw[key] ?? range.default;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < range.min || value > range.max) {
    throw invalid(key, `it must be a whole number from ${range.min} to ${range.max}`);
  }
  return value;
}

function stored(raw: Readonly<Record<string, unknown>>, key: string, fallback: string): string {
  const value = raw[key] ?? fallback;
  if (typeof value !== 'string') {
    throw invalid(key, 'it must be a text');
  }
  return value === '' ? fallback : value;
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

function invalid(key: string, why: string): MachineError {
  return new MachineError('record-invalid', `Driver.${key} in the record of this machine cannot be used.`, {
    why: `${why}.`,
  });
}
