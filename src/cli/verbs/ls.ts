import { listMachineDirectories } from '../../store/machine-files.ts';
import type { MachineRow } from '../../machine/list.ts';
import { activeMark } from '../active-mark.ts';
import type { Call } from '../call.ts';
import { inTheNameOf } from '../in-the-name-of.ts';

/** `ls`: the machines as a table, by a template, as JSON, or only their names. */
export default async function ls(call: Call<'ls'>): Promise<number> {
  const { options } = call;
  if (options.quiet === true) {
    await printNames(call);
    return 0;
  }
  // A mistake in the template is known before a machine is asked.
  const { format = '' } = options;
  const listFormat = format === '' ? undefined : (await import('../list-format.ts')).parseListFormat(format);
  // Advice in the ERRORS column names the program that was called.
  const rows = (await list(call)).map((row) => ({ ...row, error: inTheNameOf(call.io, row.error) }));
  if (listFormat !== undefined) {
    listFormat.print(rows, (text) => call.io.stdout.write(text));
  } else if (options.json === true) {
    call.print(JSON.stringify(rows.map(withoutOptions), undefined, 2));
  } else {
    await printTable(call, rows);
  }
  return 0;
}

async function printNames(call: Call<'ls'>): Promise<void> {
  const { session, options } = call;
  let names: readonly string[];
  if (options.filter === undefined) {
    names = await listMachineDirectories(session.host, session.storePath);
  } else {
    const { listMatchingNames } = await import('../../machine/list.ts');
    names = await listMatchingNames(session, listOptions(call));
  }
  if (options.json === true) {
    call.print(JSON.stringify(names));
  } else if (names.length > 0) {
    // Any directory is listed, also one whose name would move the cursor.
    call.print(names.map((name) => name.replace(/\p{Cc}/gu, '?')).join('\n'));
  }
}

async function list(call: Call<'ls'>): Promise<MachineRow[]> {
  const { listMachines } = await import('../../machine/list.ts');
  return listMachines(call.session, listOptions(call));
}

function listOptions({ options }: Call<'ls'>): { timeoutMs: number; filters: readonly string[] } {
  return { timeoutMs: options.timeout * 1000, filters: options.filter ?? [] };
}

/** What the record says is what `inspect` is for, without its secrets. */
function withoutOptions(row: MachineRow): Partial<MachineRow> {
  const entries = Object.entries(row).filter(([key]) => key !== 'swarmOptions' && key !== 'engineOptions');
  return Object.fromEntries(entries);
}

async function printTable(call: Call<'ls'>, rows: readonly MachineRow[]): Promise<void> {
  const { formatTable } = await import('../render/table.ts');
  const header = ['NAME', 'ACTIVE', 'DRIVER', 'STATE', 'URL', 'SWARM', 'DOCKER', 'ERRORS'];
  const cells = rows.map((row) => [
    row.name,
    activeMark(row),
    row.driverName,
    row.state,
    row.url,
    row.swarm,
    row.engineVersion,
    row.error,
  ]);
  call.print(formatTable([header, ...cells]).join('\n'));
}
