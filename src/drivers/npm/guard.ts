import { isMachineError, MachineError, messageOf } from '../../core/errors.ts';
import type { Driver, Step } from '../driver.ts';
import type { PackageMetadata } from './package-metadata.ts';

type Method = (...args: readonly unknown[]) => unknown;

/**
 * Functions of a driver, by name, such that an error that is none of ours names the package it comes from. Otherwise a
 * slip in somebody's package would be reported as a bug of this program.
 */
export function guardMethods(
  driver: Driver,
  names: readonly (keyof Driver)[],
  metadata: PackageMetadata,
): Readonly<Record<string, Method>> {
  const present = names.filter((name) => typeof driver[name] === 'function');
  return Object.fromEntries(
    present.map((name) => {
      const method = guard((...args) => (driver[name] as Method).apply(driver, [...args]), metadata);
      return [name, name === 'steps' ? guardSteps(method, metadata) : method];
    }),
  );
}

function guardSteps(method: Method, metadata: PackageMetadata): Method {
  return (...args) =>
    (method(...args) as readonly Step[]).map((step) => {
      const functions = (['intent', 'done', 'run', 'undo'] as const).filter(
        (name) => step[name] !== undefined,
      );
      const signal = signalOf(args);
      return {
        ...step,
        ...Object.fromEntries(
          functions.map((name) => [name, guard(() => step[name]?.(), metadata, signal)] as const),
        ),
      };
    });
}

function guard(method: Method, metadata: PackageMetadata, signal?: AbortSignal): Method {
  return (...args) => {
    const blame = (error: unknown): never => {
      throw blamed(error, metadata, signal ?? signalOf(args));
    };
    try {
      const result = method(...args);
      return result instanceof Promise ? result.catch(blame) : result;
    } catch (error) {
      return blame(error);
    }
  };
}

function blamed(
  error: unknown,
  { driver, packageName, version }: PackageMetadata,
  signal?: AbortSignal,
): unknown {
  if (isMachineError(error) || (signal?.aborted === true && error === signal.reason)) {
    return error;
  }
  return new MachineError('driver-failed', `The driver "${driver}" failed: ${messageOf(error)}`, {
    why: `the package ${packageName} ${version} threw an error that it should have handled`,
    cause: error,
  });
}

/** The signal of the context that every method is given first. */
function signalOf([context]: readonly unknown[]): AbortSignal | undefined {
  const signal =
    typeof context === 'object' && context !== null && 'signal' in context ? context.signal : undefined;
  return signal instanceof AbortSignal ? signal : undefined;
}
