import type { DriverManifest } from '../drivers/driver.ts';
import { defaultDriver } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { createFlags } from './create-flags.ts';
import type { CommandFlag } from './definitions.ts';
import { readDriverLine, requireManifest, type DriverLine } from './driver-line.ts';

/** A command line of `create`, with the driver that it names. */
export type CreateLine = DriverLine & { readonly manifest: DriverManifest };

/**
 * Reads the command line with the flags of the driver that it names, or of the one that is best here.
 * @param options.more flags besides those of `create`; `without`: those of `create` that make no sense, by name
 */
export async function parseCreateLine(
  call: AnyCall,
  {
    more = [],
    without = [],
  }: { readonly more?: readonly CommandFlag[]; readonly without?: readonly string[] } = {},
): Promise<CreateLine> {
  const line = await readDriverLine(call, {
    flags: [...more, ...createFlags.filter(({ name }) => !without.includes(name))],
    fallback: async () => defaultDriver(call.io.host),
    help: async (driverName) => (await import('./create-help.ts')).createHelp(call, driverName),
  });
  return { ...line, manifest: requireManifest(line) };
}
