import type { DriverManifest, FlagValues } from '../drivers/driver.ts';
import { defaultDriver, loadManifest } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { helpFlag } from './commands.ts';
import { createFlags } from './create-flags.ts';
import type { CommandFlag } from './definitions.ts';
import { resolveFlags, tokenize, type GivenFlag } from './parse.ts';

/** Reading a line with another driver's flags can make it name yet another one; then the last reading holds. */
const driverAttemptsMax = 3;

/** A command line of `create`, with the driver that it names. */
export interface CreateLine {
  readonly values: FlagValues;
  readonly args: readonly string[];
  readonly manifest: DriverManifest;
  readonly given: readonly GivenFlag[];
  /** Why this driver, when nobody named one. */
  readonly why: string | undefined;
}

/**
 * Reads the command line with the flags of the driver that it names itself. The name is looked for first among the flags
 * that every driver has; when the whole line then says another one, it is read again with that one's flags.
 * @param options.more flags besides those of `create`; `without`: those of `create` that make no sense, by name
 */
export async function parseCreateLine(
  call: AnyCall,
  {
    more = [],
    without = [],
  }: { readonly more?: readonly CommandFlag[]; readonly without?: readonly string[] } = {},
): Promise<CreateLine> {
  const ofCreate = createFlags.filter(({ name }) => !without.includes(name));
  const common = [...more, ...ofCreate, helpFlag];
  let driverName = await withHelp(call, undefined, () => firstDriver(call, common));
  for (let attempt = 1; ; attempt += 1) {
    const fallback = driverName === undefined ? await defaultDriver(call.io.host) : undefined;
    const manifest = await loadManifest(fallback?.name ?? driverName ?? '', call.session);
    const flags = [...common, ...manifest.flags];
    call.expectFlags(flags);
    const { args, values, given } = await withHelp(call, manifest.name, () => {
      const tokens = tokenize(flags, call.args);
      const values = resolveFlags(flags, tokens.given, call.io.host.facts.env);
      return { args: tokens.args, given: tokens.given, values };
    });
    const named = driverOf(values);
    if (named === driverName || named === undefined || attempt === driverAttemptsMax) {
      return { values, args, manifest, given, why: fallback?.why };
    }
    driverName = named;
  }
}

/** The driver that is named, as far as that can be seen without knowing its flags. */
function firstDriver(call: AnyCall, common: readonly CommandFlag[]): string | undefined {
  const { given } = tokenize(common, call.args, { skipUnknown: true });
  return driverOf(resolveFlags(createFlags.slice(0, 1), given, call.io.host.facts.env));
}

/** Reads something of the command line; when that fails the help with the flags of the driver is shown. */
async function withHelp<T>(call: AnyCall, driverName: string | undefined, read: () => T): Promise<T> {
  try {
    return read();
  } catch (error) {
    const { showIncorrectUsage } = await import('./usage.ts');
    await showIncorrectUsage(call.io, error, async () =>
      (await import('./create-help.ts')).createHelp(call, driverName),
    );
    throw error;
  }
}

function driverOf(values: FlagValues): string | undefined {
  const name = values['driver'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}
