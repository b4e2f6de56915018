import { aboutToRemove, type GoldenRow } from './row.ts';

const missingPlugin = 'Driver "foo" not found. Do you have the plugin binary accessible in your PATH?';
const sure = 'Are you sure? (y/n): ';

function row(argv: string | readonly string[], given: Omit<GoldenRow, 'argv'>): GoldenRow {
  return { argv, ...given };
}

/** Reading one machine, power, certificates. */
export const lifeRows: readonly GoldenRow[] = [
  ...['url', 'url default'].map((argv) =>
    row(argv, { setting: 'one', exit: 0, stdout: ['tcp://127.0.0.1:23760', ''], stderr: [] }),
  ),
  row('ip default', {
    setting: 'one',
    exit: 0,
    stdout: ['127.0.0.1', ''],
    stderr: [],
    differs: 'ip of none',
  }),
  row('ip default default', {
    setting: 'one',
    exit: 0,
    stdout: ['127.0.0.1', '127.0.0.1', ''],
    stderr: [],
    differs: 'ip of none',
  }),
  row('status default', { setting: 'one', exit: 0, stdout: ['Running', ''], stderr: [] }),
  row('status px', {
    setting: 'broken',
    exit: 1,
    stdout: [],
    stderr: [`error getting state for host px: ${missingPlugin}`, ''],
  }),
  row('url px', { setting: 'broken', exit: 1, stdout: [], stderr: [missingPlugin, ''] }),
  row('ip px', {
    setting: 'broken',
    exit: 1,
    stdout: [],
    stderr: [`Error getting IP address: ${missingPlugin}`, ''],
  }),
  row('env px', {
    setting: 'broken',
    exit: 1,
    stdout: [],
    stderr: [`Error checking TLS connection: ${missingPlugin}`, ''],
  }),
  row('start default', {
    setting: 'one',
    exit: 1,
    stdout: ['Starting "default"...', ''],
    stderr: ['Machine "default" is already running.', ''],
  }),
  row('start a b', {
    setting: 'four',
    exit: 1,
    stdout: ['Starting "a"...', 'Starting "b"...', ''],
    stderr: ['Machine "a" is already running.', 'Machine "b" is already running.', ''],
  }),
  row('stop default', {
    setting: 'one',
    exit: 1,
    stdout: ['Stopping "default"...', ''],
    stderr: ['hosts without a driver cannot be stopped', ''],
  }),
  row('kill default', {
    setting: 'one',
    exit: 1,
    stdout: ['Killing "default"...', ''],
    stderr: ['hosts without a driver cannot be killed', ''],
  }),
  row('restart default', {
    setting: 'one',
    exit: 1,
    stdout: ['Restarting "default"...', ''],
    stderr: ['hosts without a driver cannot be restarted', ''],
  }),
  row('stop px', {
    setting: 'broken',
    exit: 1,
    stdout: ['Stopping "px"...', ''],
    stderr: [missingPlugin, ''],
  }),
  row('regenerate-certs default', {
    setting: 'one',
    exit: 1,
    stdout: ['Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): '],
    stderr: ['EOF', ''],
  }),
  row('regenerate-certs a', {
    setting: 'four',
    stdin: 'n\n',
    exit: 0,
    stdout: ['Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): '],
    stderr: [],
  }),
  row('regenerate-certs nope -f', {
    setting: 'four',
    exit: 1,
    stdout: ['Regenerating TLS certificates', ''],
    stderr: ['DNE(nope)', ''],
  }),
];

/** `rm`. */
export const removeRows: readonly GoldenRow[] = [
  row('rm', {
    setting: 'one',
    exit: 2,
    stdout: ['HELP'],
    stderr: ['Error: Expected to get one or more machine names as arguments', ''],
    differs: 'usage errors',
  }),
  row('rm nope', {
    setting: 'four',
    exit: 0,
    stdout: [...aboutToRemove('nope'), sure],
    stderr: ['Nothing was removed: there was no answer. Use -y to remove without a question.', ''],
    differs: 'rm without an answer',
  }),
  row('rm a', {
    setting: 'four',
    stdin: 'n\n',
    exit: 0,
    stdout: [...aboutToRemove('a'), sure],
    stderr: [],
    after: { names: ['a', 'b', 'c', 'd'] },
  }),
  ...['y', 'Yup'].map((answer) =>
    row('rm c', {
      setting: 'four',
      stdin: `${answer}\n`,
      exit: 0,
      stdout: [...aboutToRemove('c'), `${sure}Successfully removed c`, ''],
      stderr: [],
      after: { names: ['a', 'b', 'd'] },
    }),
  ),
  row('rm -y a b nope', {
    setting: 'four',
    exit: 1,
    stdout: [...aboutToRemove('a, b, nope'), 'Successfully removed a', 'Successfully removed b', ''],
    stderr: ['Error removing host "nope": DNE(nope)', ''],
    after: { names: ['c', 'd'] },
  }),
  row('rm -y nope', {
    setting: 'four',
    exit: 1,
    stdout: [...aboutToRemove('nope'), ''],
    stderr: ['Error removing host "nope": DNE(nope)', ''],
  }),
  row('rm -f nope', {
    setting: 'four',
    exit: 0,
    stdout: [...aboutToRemove('nope'), ''],
    stderr: ['Error removing host "nope": DNE(nope)', `Can't remove "nope"`, ''],
  }),
  row('rm -y zz1 zz2', {
    setting: 'four',
    exit: 1,
    stdout: [...aboutToRemove('zz1, zz2'), ''],
    stderr: ['Error removing host "zz1": DNE(zz1)', 'Error removing host "zz2": DNE(zz2)', ''],
  }),
  row('rm zz1 -y zz2', {
    setting: 'four',
    exit: 1,
    stdout: [...aboutToRemove('zz1, zz2'), ''],
    stderr: ['Error removing host "zz1": DNE(zz1)', 'Error removing host "zz2": DNE(zz2)', ''],
    differs: 'order of arguments',
  }),
  row('rm a -y -- b', {
    setting: 'four',
    exit: 0,
    stdout: [...aboutToRemove('a, b'), 'Successfully removed a', 'Successfully removed b', ''],
    stderr: [],
    differs: 'order of arguments',
  }),
  ...['rm -y half', 'rm -f half'].map((argv) =>
    row(argv, {
      setting: 'broken',
      exit: 0,
      stdout: [...aboutToRemove('half'), 'Successfully removed half', ''],
      stderr: [],
      after: { names: ['a', 'px'] },
      differs: 'folders without a record',
    }),
  ),
  row('rm -y px', {
    setting: 'broken',
    exit: 1,
    stdout: [...aboutToRemove('px'), ''],
    stderr: [`Error removing host "px": ${missingPlugin}`, ''],
    after: { names: ['a', 'half', 'px'] },
  }),
  row('rm -f px', {
    setting: 'broken',
    exit: 0,
    stdout: [
      ...aboutToRemove('px'),
      `(px) warning: The machine "px" was removed here, but not at its driver (${missingPlugin}). What may remain is noted in STORE/tombstones/px-1767323045000.json.`,
      'Successfully removed px',
      '',
    ],
    differs: 'rm -f',
    stderr: [`Error removing host "px": ${missingPlugin}`, ''],
    after: { names: ['a', 'half'] },
  }),
  ...['', '.', '..', '../../victim', 'a/b'].map((name) =>
    row(['rm', '-f', name], {
      setting: 'four',
      exit: 2,
      stdout: [...aboutToRemove(name), ''],
      stderr: [`Error removing host "${name}": ${JSON.stringify(name)} cannot be the name of a machine.`, ''],
      after: { names: ['a', 'b', 'c', 'd'] },
      differs: 'names in rm',
    }),
  ),
];
