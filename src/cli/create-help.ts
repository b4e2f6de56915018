import { listDrivers } from '../drivers/list.ts';
import { defaultDriver, loadManifest } from '../drivers/registry.ts';
import type { AnyCall } from './call.ts';
import { createFlags } from './create-flags.ts';
import { commandHelp } from './help.ts';

/** The help of `create` with the flags of a driver: the one that is named, else the default one. */
export async function createHelp(call: AnyCall, driverName: string | undefined): Promise<string> {
  const { io } = call;
  const fromEnv = io.host.facts.env['MACHINE_DRIVER'] ?? '';
  const named = driverName ?? (fromEnv === '' ? undefined : fromEnv);
  const name = named ?? (await defaultDriver(io.host)).name;
  const manifest = await loadManifest(name, call.session);
  const drivers = (await listDrivers(call.session)).filter(({ problem }) => problem === undefined);
  const width = Math.max(...drivers.map((each) => each.name.length));
  // docker-machine shows the driver as the default; plugins of shells look for lines that name it.
  const common = createFlags.map((flag) =>
    io.program === 'docker-machine' && flag.name === 'driver' ? { ...flag, default: name } : flag,
  );
  return commandHelp(
    {
      command: { ...call.command, name: 'create', summary: 'Create a machine', arguments: '[name]' },
      groups: [
        { title: 'Options:', flags: common },
        {
          title: `Options of the driver ${name} (another one: create -d DRIVER --help):`,
          flags: manifest.flags,
        },
      ],
      details: ['Drivers:', ...drivers.map((each) => `  ${each.name.padEnd(width)}  ${each.title}`)],
    },
    { program: io.program, columns: io.stdout.columns },
  );
}
