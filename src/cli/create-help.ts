import { listDrivers } from '../drivers/list.ts';
import { defaultDriver, loadManifest } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { createFlags } from './create-flags.ts';
import { commandHelp } from './help.ts';

/** Prints the help of `create` with the flags of a driver: the one that is named, else the default one. */
export async function printCreateHelp(call: AnyCall, driverName: string | undefined): Promise<void> {
  const { io } = call;
  const fromEnv = io.host.facts.env['MACHINE_DRIVER'] ?? '';
  const named = driverName ?? (fromEnv === '' ? undefined : fromEnv);
  const name = named ?? (await defaultDriver(io.host)).name;
  const manifest = await loadManifest(name, call.session);
  const drivers = (await listDrivers(call.session)).filter(({ problem }) => problem === undefined);
  const width = Math.max(...drivers.map((each) => each.name.length));
  const text = await commandHelp(
    {
      command: { ...call.command, name: 'create', summary: 'Create a machine', arguments: '[name]' },
      groups: [
        { title: 'Options:', flags: createFlags },
        {
          title: `Options of the driver ${name} (another one: create -d DRIVER --help):`,
          flags: manifest.flags,
        },
      ],
      details: ['Drivers:', ...drivers.map((each) => `  ${each.name.padEnd(width)}  ${each.title}`)],
    },
    { program: io.program, columns: io.stdout.columns },
  );
  call.print(text);
}
