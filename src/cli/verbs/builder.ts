import { isMachineError, MachineError } from '../../core/errors.ts';
import { settleInParallel } from '../../core/in-parallel.ts';
import type { DriverManifest, FlagValues } from '../../drivers/driver.ts';
import type { CreateRequest } from '../../machine/request.ts';
import { builderFlags } from '../builder-commands.ts';
import type { AnyCall, Call } from '../call.ts';
import { parseCreateLine, type CreateLine } from '../create-line.ts';
import type { OptionsOfFlags } from '../definitions.ts';
import { throwAll } from '../machines.ts';
import { makeMachine, requestOf } from '../make-machine.ts';
import { confirmRemoval, removeMachines } from '../remove-machines.ts';
import { formatTable } from '../render/table.ts';
import { splitSecrets } from '../secret-flags.ts';

/** Flags of `create` that say nothing here. */
const meaningless = ['count', 'json', 'on-error', 'parallel', 'plan', 'resume'];

type BuilderOptions = OptionsOfFlags<typeof builderFlags>;

/** `builder create name`: of machines that run, or of new ones. */
export async function create(call: Call<'builder create'>): Promise<number> {
  const line = await parseCreateLine(call, { more: builderFlags, without: meaningless });
  if (line.values['help'] === true) {
    const { commandHelp } = await import('../help.ts');
    const { program, stdout } = call.io;
    const groups = [{ title: 'Options:', flags: builderFlags }];
    call.print(await commandHelp({ command: call.command, groups }, { program, columns: stdout.columns }));
    return 0;
  }
  const options = line.values as unknown as BuilderOptions;
  const [name, ...extra] = line.args;
  if (name === undefined || extra.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected the name of one builder as an argument');
  }
  const { parsePlatforms } = await import('../../machine/builder/platforms.ts');
  const { createBuilder, reserveBuilder } = await import('../../machine/builder/create.ts');
  const platforms = parsePlatforms(options.platforms ?? '');
  const on = (options.on ?? []).flatMap((list) => list.split(',')).filter((machine) => machine !== '');
  const requests = requestsOf(call, { name, on, platforms, line });
  const made = requests.map((request) => request.name);
  await requireNew(call, made);
  await reserveBuilder(call.session, { name, made });
  call.recoverWith(`builder rm ${name}`);
  try {
    await makeAll(call, requests);
    const { nodes } = await createBuilder(call.session, {
      name,
      machines: [...new Set(on), ...made],
      made,
      platforms,
      driverOptions: options['driver-opt'] ?? [],
      isSelected: options.use === true,
      isBootstrapped: options.bootstrap === true,
    });
    const shown = nodes.map((node) => `${node.machine} (${node.platforms.join(', ')})`).join(' and ');
    call.inform(`The builder ${name} builds on ${shown}.`);
    call.inform(`To use it, run: docker buildx build --builder ${name} .`);
    return 0;
  } catch (error) {
    await undo(call, { name, made });
    throw error;
  }
}

/** Machines that are to be made; none where there are some already. */
function requestsOf(
  call: AnyCall,
  {
    name,
    on,
    platforms,
    line,
  }: {
    readonly name: string;
    readonly on: readonly string[];
    readonly platforms: readonly string[];
    readonly line: CreateLine;
  },
): readonly CreateRequest[] {
  const isDriverGiven = line.given.some(({ flag }) => flag.name === 'driver');
  if (!isDriverGiven) {
    if (on.length === 0) {
      throw new MachineError('arguments-invalid', 'A builder needs machines.', {
        remedies: ['Name those that are there: --on NAME,NAME', 'Or have some made: -d DRIVER --platforms …'],
      });
    }
    return [];
  }
  const split = splitSecrets(line.manifest, line.values, { given: line.given, env: call.io.host.facts.env });
  for (const flag of line.manifest.flags.filter(({ secret }) => secret === true)) {
    call.hide(String(line.values[flag.name] ?? ''));
  }
  return architecturesOf(line.manifest, platforms).map((architecture) => {
    const values = { ...split.values, ...sizeFor(line.manifest, architecture, split.values) };
    const machine = architecture === undefined ? name : `${name}-${architecture}`;
    return { ...requestOf(machine, line.manifest, values), secrets: split.secrets };
  });
}

/** One machine for each architecture; without any that is asked for, one as the driver makes it. */
function architecturesOf(
  { name, architectures }: DriverManifest,
  platforms: readonly string[],
): readonly ('amd64' | 'arm64' | undefined)[] {
  const wanted = (['amd64', 'arm64'] as const).filter((architecture) =>
    platforms.some((platform) => platform.startsWith(`linux/${architecture}`)),
  );
  if (wanted.length > 1 && architectures === undefined) {
    throw new MachineError('arguments-invalid', `The driver ${name} makes machines of one architecture.`, {
      remedies: ['Make the machines with the flags that they need, then name them: --on NAME,NAME'],
    });
  }
  return wanted.length === 0 ? [undefined] : wanted;
}

/** The driver's size for an architecture, as far as nobody has chosen another. */
function sizeFor(
  { architectures, flags }: DriverManifest,
  architecture: 'amd64' | 'arm64' | undefined,
  values: FlagValues,
): FlagValues {
  const size = architecture === undefined ? undefined : architectures?.[architecture];
  return Object.fromEntries(
    Object.entries(size ?? {}).filter(([name]) => {
      const definition = flags.find((flag) => flag.name === name);
      return values[name] === undefined || values[name] === definition?.default;
    }),
  );
}

/** What is there already must not go with the builder. */
async function requireNew(call: AnyCall, machines: readonly string[]): Promise<void> {
  if (machines.length === 0) {
    return;
  }
  const { listMachineDirectories } = await import('../../store/machine-files.ts');
  const present = new Set(await listMachineDirectories(call.session.host, call.session.storePath));
  const taken = machines.find((machine) => present.has(machine));
  if (taken !== undefined) {
    throw new MachineError('machine-exists', `Docker machine "${taken}" already exists`, {
      remedies: [`Use it: --on ${taken}`, 'Take another name for the builder.'],
    });
  }
}

async function makeAll(call: AnyCall, requests: readonly CreateRequest[]): Promise<void> {
  throwAll(await settleInParallel(requests, requests.length, async (request) => makeMachine(call, request)));
}

/** What was made for a builder that cannot be made. Whatever of it stays, `builder rm` takes away. */
async function undo(
  call: AnyCall,
  { name, made }: { readonly name: string; readonly made: readonly string[] },
): Promise<void> {
  const { findBuilder, dissolveBuilder } = await import('../../machine/builder/remove.ts');
  const { forgetBuilder } = await import('../../machine/builder/record.ts');
  try {
    const { record, present } = await findBuilder(call.session, name);
    await dissolveBuilder(call.session, record);
    if (present.length === 0) {
      await forgetBuilder(call.session, name);
      return;
    }
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
  }
  if (made.length > 0) {
    call.inform(
      `The machines that were made for it are still there. To remove them, run: ${call.io.program} builder rm ${name}`,
    );
  }
}

/** `builder ls`. */
export async function list(call: Call<'builder ls'>): Promise<number> {
  const { builderNames, readBuilder } = await import('../../machine/builder/record.ts');
  const records = [];
  for (const name of await builderNames(call.session)) {
    const record = await readBuilder(call.session, name);
    records.push(...(record === undefined ? [] : [record]));
  }
  if (call.options.json === true) {
    call.print(JSON.stringify(records, undefined, 2));
    return 0;
  }
  const rows = records.map(({ name, nodes, made }) => [
    name,
    nodes.map(({ machine }) => machine).join(', '),
    [...new Set(nodes.flatMap(({ platforms }) => platforms))].join(', '),
    made.join(', '),
  ]);
  call.print(formatTable([['NAME', 'MACHINES', 'PLATFORMS', 'MADE FOR IT'], ...rows]).join('\n'));
  return 0;
}

/** `builder rm name...`: builders, and the machines that were made for them. */
export async function remove(call: Call<'builder rm'>): Promise<number> {
  if (call.args.length === 0) {
    throw new MachineError('arguments-invalid', 'Expected to get one or more names of builders as arguments');
  }
  const { findBuilder, dissolveBuilder } = await import('../../machine/builder/remove.ts');
  const { forgetBuilder } = await import('../../machine/builder/record.ts');
  for (const name of new Set(call.args)) {
    const { record, present } = await findBuilder(call.session, name);
    const goes = call.options['keep-machines'] === true ? [] : present;
    if (goes.length > 0 && call.options.y !== true) {
      call.inform(`About to remove ${goes.join(', ')}, which was made for the builder ${name}`);
      if (!(await confirmRemoval(call))) {
        return 0;
      }
    }
    await dissolveBuilder(call.session, record);
    await removeMachines(call, goes, { force: false });
    await forgetBuilder(call.session, name);
    call.inform(`Removed the builder ${name}`);
  }
  return 0;
}
