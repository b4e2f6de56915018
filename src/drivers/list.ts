import { isMachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { DriverEnvironment } from './driver.ts';
import { pathsOf } from './npm/directory.ts';
import { listInstallations, type FoundInstallation } from './npm/installation.ts';
import { requireApiVersion } from './npm/package-metadata.ts';
import { pluginPrograms } from './plugin-programs.ts';
import { driverNames, loadManifest } from './registry.ts';

/** One driver that `create -d NAME` could take, as far as it is known without running it. */
export interface DriverRow {
  readonly name: string;
  /** Empty where only running the driver would tell. */
  readonly title: string;
  readonly version: string;
  readonly kind: 'built-in' | 'npm' | 'docker-machine';
  /** The package with what was asked for, or the path of a program; empty for what is built in. */
  readonly from: string;
  /** Why it cannot be used, if so. */
  readonly problem?: string;
}

/** Drivers that are built in, then those from npm, each sorted by name. Imports and runs none of the latter. */
export async function listDrivers(environment: DriverEnvironment): Promise<readonly DriverRow[]> {
  const version = await ownVersion(environment.host);
  const builtIn = await Promise.all(
    driverNames.map(async (name): Promise<DriverRow> => {
      const { title } = await loadManifest(name, environment);
      return { name, title, version, kind: 'built-in', from: '' };
    }),
  );
  const installed = (await listInstallations(environment.host)).map(rowOfInstallation);
  return markShadowed([...builtIn, ...installed]);
}

/** The same, and behind them plugins of docker-machine that are on PATH. */
export async function listAllDrivers(environment: DriverEnvironment): Promise<readonly DriverRow[]> {
  const plugins = (await pluginPrograms(environment.host)).map(({ name, path }): DriverRow => ({
    name,
    title: '',
    version: '',
    kind: 'docker-machine',
    from: path,
  }));
  return markShadowed([...(await listDrivers(environment)), ...plugins]);
}

/** Version of this program; empty when its package.json cannot be read, which is no reason to list nothing. */
async function ownVersion({ files, facts }: Host): Promise<string> {
  try {
    const text = await files.readText(pathsOf(facts).join(facts.packageRoot, 'package.json'));
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === 'string' ? version : '';
  } catch {
    return '';
  }
}

function rowOfInstallation(found: FoundInstallation): DriverRow {
  if ('error' in found) {
    const { message, why } = found.error;
    const problem = why === undefined ? message : `${message} ${why}`;
    return { name: found.name, title: '', version: '', kind: 'npm', from: '', problem };
  }
  const { title, version, packageName, from } = found.installation;
  const row = { name: found.name, title, version, kind: 'npm', from: fromText(packageName, from) } as const;
  try {
    requireApiVersion(found.installation);
    return row;
  } catch (error) {
    return { ...row, problem: isMachineError(error) ? (error.why ?? error.message) : String(error) };
  }
}

function fromText(packageName: string, from: string): string {
  return from === packageName || from.startsWith(`${packageName}@`) ? from : `${packageName} (${from})`;
}

function markShadowed(rows: readonly DriverRow[]): readonly DriverRow[] {
  return rows.map((row, index) => {
    const first = rows.findIndex(({ name }) => name === row.name);
    const winner = rows[first];
    return first === index || winner === undefined
      ? row
      : { ...row, problem: `not used: there is a driver of this name (${winner.kind})` };
  });
}
