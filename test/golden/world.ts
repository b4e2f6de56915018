import { formatRecord, type MachineRecord } from '../../src/store/record.ts';
import { newRecord } from '../../src/store/new-record.ts';
import type { Host } from '../../src/host/types.ts';
import { run } from '../../src/cli/main.ts';
import { createFakeIo } from '../fakes/io.ts';
import type { GoldenRow, Setting } from './row.ts';

/** The version that the world's package.json says. */
export const worldVersion = '1.2.3';

/** Files of a store in a setting, by path below the store. */
export function storeFiles(setting: Setting, storePath: string, engineUrl: string): Record<string, string> {
  const record = (name: string, url: string, more: Partial<MachineRecord> = {}): [string, string] => [
    `machines/${name}/config.json`,
    formatRecord({
      ...newRecord({
        storePath,
        name,
        driverName: 'none',
        driver: { URL: url },
        ipAddress: url.slice('tcp://'.length),
        sshKeyPath: '',
        engine: { Labels: ['a=b'] },
      }),
      ...more,
    }),
  ];
  const nowhere = 'tcp://127.0.0.1:1';
  // Enough where no handshake comes about. docker-machine makes no copies for machines of the driver none.
  const certs = ['ca.pem', 'cert.pem', 'key.pem'].map((name): [string, string] => [`certs/${name}`, 'x']);
  switch (setting) {
    case 'empty':
      return {};
    case 'one':
      return Object.fromEntries([record('default', engineUrl), ...certs]);
    case 'four':
      return Object.fromEntries([...['a', 'b', 'c', 'd'].map((name) => record(name, nowhere)), ...certs]);
    case 'broken':
      return Object.fromEntries([
        record('a', nowhere),
        record('px', nowhere, { DriverName: 'foo' }),
        ...certs,
        ['machines/half/id_rsa', ''],
      ]);
  }
}

/** What came of a row, with placeholders in place of what differs from run to run. */
export interface GoldenOutcome {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Present when the row asks for them. */
  readonly names?: readonly string[];
  readonly recordValue?: unknown;
}

/** Runs a row as docker-machine in a world whose store is in the setting already. */
export async function runRow(
  row: GoldenRow,
  world: { readonly host: Host; readonly storePath: string; readonly engineUrl: string },
): Promise<GoldenOutcome> {
  const { host, storePath, engineUrl } = world;
  const argv = typeof row.argv === 'string' ? row.argv.split(' ').filter((word) => word !== '') : row.argv;
  const call = async (words: readonly string[]): Promise<GoldenOutcome> => {
    const io = createFakeIo(host, { program: 'docker-machine', input: row.stdin ?? '' });
    const exit = await run(words, io);
    const shown = (text: string): string =>
      text.replaceAll(storePath, 'STORE').replaceAll(engineUrl, 'tcp://127.0.0.1:23760');
    return { exit, stdout: shown(io.stdout.text), stderr: shown(io.stderr.text) };
  };
  const outcome = await call(argv);
  const { names, record } = row.after ?? {};
  return {
    ...outcome,
    ...(names === undefined
      ? {}
      : { names: (await call(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '') }),
    ...(record === undefined
      ? {}
      : {
          recordValue: await recordValue(host, `${storePath}/machines/${record[0]}/config.json`, record[1]),
        }),
  };
}

/** What the row expects, in the form of an outcome. The help is not compared here: it is cut from the actual text. */
export function expectedOutcome(row: GoldenRow): GoldenOutcome {
  const { names, record } = row.after ?? {};
  return {
    exit: row.exit,
    stdout: filledIn(row.stdout),
    stderr: filledIn(row.stderr),
    ...(names === undefined ? {} : { names }),
    ...(record === undefined ? {} : { recordValue: record[2] }),
  };
}

/** The text without the help at its end, if it has one and the row expects it. */
export function withoutHelp(row: GoldenRow, text: string): string {
  const at = row.stdout.at(-1) === 'HELP' ? text.indexOf('Usage: docker-machine ') : -1;
  return at === -1 ? text : `${text.slice(0, at)}HELP`;
}

function filledIn(lines: readonly string[]): string {
  return lines
    .join('\n')
    .replace(/DNE\(([^)]*)\)/g, (_whole, name: string) =>
      [
        `Docker machine "${name}" does not exist.`,
        'Use "docker-machine ls" to list machines.',
        'Use "docker-machine create" to add a new one.',
      ].join(' '),
    )
    .replaceAll('PROG', 'docker-machine')
    .replaceAll('VERSION', worldVersion);
}

async function recordValue(host: Host, path: string, key: string): Promise<unknown> {
  const record: unknown = JSON.parse(await host.files.readText(path));
  return key
    .split('.')
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], record);
}
