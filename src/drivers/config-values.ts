import { MachineError } from '../core/errors.ts';
import type { FlagValues } from './driver.ts';

/** The whole numbers that a setting may have, and the one that it has when nothing is said. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly default: number;
  /** As it is said behind a number, ` MB`; empty for a count. */
  readonly unit?: string;
}

/** A whole number from a flag. @throws MachineError `flag-invalid`. */
export function wholeFlag(values: FlagValues, flag: string, range: Range): number {
  const value = values[flag] ?? range.default;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new MachineError('flag-invalid', `--${flag} must be a whole number, not "${String(value)}".`);
  }
  if (value < range.min || value > range.max) {
    const limit = value < range.min ? `at least ${range.min}` : `at most ${range.max}`;
    throw new MachineError('flag-invalid', `--${flag} must be ${limit}${range.unit ?? ''}, not ${value}.`);
  }
  return value;
}

/** A text from a flag. @throws MachineError `flag-invalid` for several. */
export function textFlag(values: FlagValues, flag: string, fallback = ''): string {
  const value = values[flag] ?? fallback;
  if (typeof value !== 'string') {
    throw new MachineError('flag-invalid', `--${flag} takes one text.`);
  }
  return value;
}

/** A switch. @throws MachineError `flag-invalid` for anything else. */
export function booleanFlag(values: FlagValues, flag: string, fallback = false): boolean {
  const value = values[flag] ?? fallback;
  if (typeof value !== 'boolean') {
    throw new MachineError('flag-invalid', `--${flag} is given or not; it takes no value.`);
  }
  return value;
}

/**
 * The new size of a disk, in MB, from a flag that may be missing.
 * @throws MachineError `flag-invalid`, also for less than it has.
 */
export function grownDiskFlag(values: FlagValues, flag: string, range: Range, presentMiB: number): number {
  const size = wholeFlag(values, flag, { ...range, default: presentMiB });
  if (size < presentMiB) {
    throw new MachineError('flag-invalid', `The disk cannot be made smaller than ${presentMiB} MB.`, {
      why: 'What is on it would be lost.',
    });
  }
  return size;
}

/** A whole number of the driver's part of a record. @throws MachineError `record-invalid`. */
export function storedWhole(raw: Readonly<Record<string, unknown>>, key: string, range: Range): number {
  const value = raw[key] ?? range.default;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < range.min || value > range.max) {
    throw invalidKey(key, `it must be a whole number from ${range.min} to ${range.max}`);
  }
  return value;
}

/** A text of the driver's part of a record; an empty one is the fallback. @throws MachineError `record-invalid`. */
export function storedText(raw: Readonly<Record<string, unknown>>, key: string, fallback: string): string {
  const value = raw[key] ?? fallback;
  if (typeof value !== 'string') {
    throw invalidKey(key, 'it must be a text');
  }
  return value === '' ? fallback : value;
}

/** A switch of the driver's part of a record. @throws MachineError `record-invalid`. */
export function storedBoolean(
  raw: Readonly<Record<string, unknown>>,
  key: string,
  fallback: boolean,
): boolean {
  const value = raw[key] ?? fallback;
  if (typeof value !== 'boolean') {
    throw invalidKey(key, 'it must be true or false');
  }
  return value;
}

/** A key of the driver's part of a record that cannot be used. */
export function invalidKey(key: string, why: string): MachineError {
  return new MachineError('record-invalid', `Driver.${key} in the record of this machine cannot be used.`, {
    why: `${why}.`,
  });
}
