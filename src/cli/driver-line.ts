import { MachineError } from '../core/errors.ts';
import type { DriverManifest, FlagValues } from '../drivers/driver.ts';
import { loadManifest } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { helpFlag } from './commands.ts';
import type { CommandFlag } from './definitions.ts';
import { resolveFlags, tokenize, type GivenFlag } from './parse.ts';

/** Reading a line with another driver's flags can make it name yet another one; then the last reading holds. */
const driverAttemptsMax = 3;

/** A command line with flags of a driver. */
export interface DriverLine {
  readonly values: FlagValues;
  readonly args: readonly string[];
  /** Undefined when no driver was named, and none stands in. */
  readonly manifest: DriverManifest | undefined;
  readonly given: readonly GivenFlag[];
  /** Why this driver, when nobody named one. */
  readonly why: string | undefined;
}

/** What is read. */
export interface DriverLineOptions {
  /** Flags of the command itself; the one called `driver` names it. */
  readonly flags: readonly CommandFlag[];
  /** The driver of a line that names none. */
  readonly fallback?: () => Promise<{ readonly name: string; readonly why: string }>;
  /** The help for a mistake in the line, with the flags of a driver. */
  readonly help: (driverName: string | undefined) => Promise<string>;
}

/**
 * Reads a command line with the flags of the driver that it names itself. The name is looked for first among the flags of
 * the command; when the whole line then says another one, it is read again with that one's flags.
 * @throws MachineError `flag-unknown`, `flag-invalid`, `driver-unknown`.
 */
export async function readDriverLine(
  call: AnyCall,
  { flags, fallback, help }: DriverLineOptions,
): Promise<DriverLine> {
  const { env } = call.io.host.facts;
  const common = [...flags, helpFlag];
  const readOrHelp = async <T>(driverName: string | undefined, read: () => T): Promise<T> => {
    try {
      return read();
    } catch (error) {
      const { showIncorrectUsage } = await import('./usage.ts');
      await showIncorrectUsage(call.io, error, async () => help(driverName));
      throw error;
    }
  };
  let driverName = await readOrHelp(undefined, () => {
    const { given } = tokenize(common, call.args, { skipUnknown: true });
    return driverOf(
      resolveFlags(
        flags.filter(({ name }) => name === 'driver'),
        given,
        env,
      ),
    );
  });
  for (let attempt = 1; ; attempt += 1) {
    const standIn = driverName === undefined ? await fallback?.() : undefined;
    const name = driverName ?? standIn?.name;
    const manifest = name === undefined ? undefined : await loadManifest(name, call.session);
    const all = [...common, ...(manifest?.flags ?? [])];
    call.expectFlags(all, driverName);
    const { args, values, given } = await readOrHelp(name, () => {
      const tokens = tokenize(all, call.args);
      return { args: tokens.args, given: tokens.given, values: resolveFlags(all, tokens.given, env) };
    });
    const named = driverOf(values);
    if (named === driverName || named === undefined || attempt === driverAttemptsMax) {
      return { values, args, manifest, given, why: standIn?.why };
    }
    driverName = named;
  }
}

/** The driver that was named. @throws MachineError `arguments-invalid` when none was. */
export function requireManifest({ manifest }: DriverLine): DriverManifest {
  if (manifest === undefined) {
    throw new MachineError('arguments-invalid', 'Name a driver: --driver NAME');
  }
  return manifest;
}

function driverOf(values: FlagValues): string | undefined {
  const name = values['driver'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}
