import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { helpFlag } from '../commands.ts';
import { createFlags } from '../create-flags.ts';
import { formatTable } from '../render/table.ts';

/** `driver add package`: installs a driver, and says with which commands. */
export async function add(call: Call<'driver add'>): Promise<number> {
  const [name, ...others] = call.args;
  if (name === undefined || others.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected one package as an argument');
  }
  const { installDriver } = await import('../../machine/install-driver.ts');
  const installation = await installDriver(call.session, {
    package: name,
    reservedFlags: [...createFlags, helpFlag].flatMap(namesOf),
    onCommand: (command) => {
      call.inform(`Running: ${command.join(' ')}`);
    },
  });
  const { driver, version, packageName } = installation;
  call.inform(
    `Added the driver ${driver} (${packageName} ${version}). Its code runs with your rights when it is used.`,
  );
  call.inform(`To see its flags, run: ${call.io.program} create -d ${driver} --help`);
  if (call.options.json === true) {
    const { manifest, ...rest } = installation;
    call.print(JSON.stringify({ ...rest, flags: manifest.flags.map((flag) => flag.name) }, undefined, 2));
  }
  return 0;
}

/** `driver ls`: what `create -d` can take. Nothing of it is run. */
export async function list(call: Call<'driver ls'>): Promise<number> {
  const { listAllDrivers } = await import('../../drivers/list.ts');
  const rows = await listAllDrivers(call.session);
  if (call.options.json === true) {
    call.print(JSON.stringify(rows, undefined, 2));
    return 0;
  }
  const cells = rows.map((row) => [row.name, row.kind, row.version, row.title, row.from, row.problem ?? '']);
  call.print(formatTable([['NAME', 'KIND', 'VERSION', 'TITLE', 'FROM', 'PROBLEM'], ...cells]).join('\n'));
  return 0;
}

/** `driver rm name...`: removes installed drivers. */
export async function remove(call: Call<'driver rm'>): Promise<number> {
  if (call.args.length === 0) {
    throw new MachineError('arguments-invalid', 'Expected to get one or more names of drivers as arguments');
  }
  const { removeDriver } = await import('../../machine/remove-driver.ts');
  for (const name of new Set(call.args)) {
    await removeDriver(call.session, name, { force: call.options.force === true });
    call.inform(`Removed the driver ${name}`);
  }
  return 0;
}

function namesOf({
  name,
  aliases = [],
}: {
  readonly name: string;
  readonly aliases?: readonly string[];
}): string[] {
  return [name, ...aliases];
}
