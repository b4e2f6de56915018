import { listMachineDirectories } from '../../store/machine-files.ts';
import type { Call } from '../call.ts';

/** `ls`: the machines as a table, as JSON, or only their names. */
export default async function ls(call: Call<'ls'>): Promise<number> {
  if (call.options.quiet === true) {
    const names = await listMachineDirectories(call.session.host, call.session.storePath);
    if (call.options.json === true) {
      call.print(JSON.stringify(names));
    } else if (names.length > 0) {
      // Any directory is listed, also one whose name would move the cursor.
      call.print(names.map((name) => name.replace(/\p{Cc}/gu, '?')).join('\n'));
    }
    return 0;
  }
  const [{ listMachines }, { formatTable }] = await Promise.all([
    import('../../machine/list.ts'),
    import('../render/table.ts'),
  ]);
  const rows = await listMachines(call.session, { timeoutMs: call.options.timeout * 1000 });
  if (call.options.json === true) {
    call.print(JSON.stringify(rows, undefined, 2));
    return 0;
  }
  const header = ['NAME', 'ACTIVE', 'DRIVER', 'STATE', 'URL', 'SWARM', 'DOCKER', 'ERRORS'];
  const cells = rows.map((row) => {
    const isBroken = row.state === 'Timeout' || row.driverName === 'not found';
    const mark = row.active ? '*' : '-';
    return [
      row.name,
      isBroken ? '' : mark,
      row.driverName,
      row.state,
      row.url,
      '',
      row.engineVersion,
      row.error,
    ];
  });
  call.print(formatTable([header, ...cells]).join('\n'));
  return 0;
}
