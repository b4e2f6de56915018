import { loadManifest } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { commandHelp } from './help.ts';

/** The help of a command that takes the flags of a driver, with those of the one that is named. */
export async function driverCommandHelp(call: AnyCall, driverName: string | undefined): Promise<string> {
  const { io, command } = call;
  const manifest = driverName === undefined ? undefined : await loadManifest(driverName, call.session);
  const groups =
    manifest === undefined
      ? []
      : [{ title: `Options of the driver ${manifest.name}:`, flags: manifest.flags }];
  return commandHelp({ command, groups }, { program: io.program, columns: io.stdout.columns });
}
