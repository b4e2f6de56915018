import { listLeftovers } from '../../store/leftovers.ts';
import { certFile, joinPath, storeDirectories, tombstonesDirectory } from '../../store/paths.ts';
import { isJsonObject, parseJsonObject } from '../../store/go-json.ts';
import type { Session } from '../session.ts';
import { examineCertificate } from './certificates.ts';
import { found, type Found } from './findings.ts';
import { examineDirectory, examineSecret } from './permissions.ts';

/** At most so many leftovers are named. */
const namedMax = 5;

/** The store as a whole: who can read and change it, its certificates, and what commands left behind in it. */
export async function examineStore(session: Session): Promise<Found[]> {
  const { host, storePath } = session;
  if ((await host.files.stat(storePath)) === undefined) {
    return [found('store-empty', { path: storePath })];
  }
  const directories = Object.values(storeDirectories).map((name) => joinPath(storePath, name));
  const parts = await Promise.all([
    ...[storePath, ...directories].map((path) => examineDirectory(host, path)),
    examineSecret(host, certFile(storePath, 'caKey'), 'the key of the CA'),
    examineSecret(host, certFile(storePath, 'clientKey'), 'a private key'),
    examineStoreCertificates(session),
    examineLeftovers(session),
    examineTombstones(session),
  ]);
  return [found('store', { path: storePath }), ...parts.flat()];
}

/** Machines whose names are one on a file system without regard to case. */
export function examineNames(names: readonly string[]): Found[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const key = name.toLowerCase();
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()]
    .filter((alike) => alike.length > 1)
    .map((alike) => found('names-alike', { names: alike.join(', ') }));
}

async function examineStoreCertificates({ host, storePath }: Session): Promise<Found[]> {
  const caPath = certFile(storePath, 'ca');
  const ca = await examineCertificate(host, {
    path: caPath,
    role: 'ca',
    keyPath: certFile(storePath, 'caKey'),
    remedies: ['Create the machines again in another store before that day (--storage-path).'],
  });
  const client = await examineCertificate(host, {
    path: certFile(storePath, 'clientCert'),
    role: 'leaf',
    keyPath: certFile(storePath, 'clientKey'),
    caPath,
    remedies: ['tsmachine regenerate-certs --client-certs NAME, for every machine that runs.'],
  });
  return [...ca, ...client];
}

async function examineLeftovers({ host, storePath }: Session): Promise<Found[]> {
  const paths = await listLeftovers(host, storePath);
  const more = paths.length - namedMax;
  const named = paths.slice(0, namedMax).join(', ');
  return paths.length === 0
    ? []
    : [found('leftovers', { paths: more > 0 ? `${named} and ${more} more` : named })];
}

/** What `rm --force` wrote down about machines that it could only forget. */
async function examineTombstones({ host, storePath }: Session): Promise<Found[]> {
  const directory = tombstonesDirectory(storePath);
  const entries = await host.files.list(directory).catch(() => []);
  const paths = entries
    .filter(({ name, kind }) => kind === 'file' && name.endsWith('.json'))
    .map(({ name }) => joinPath(directory, name))
    .sort();
  return Promise.all(
    paths.map(async (path) => {
      try {
        return readTombstone(await host.files.readText(path), path);
      } catch {
        return found('tombstone-unreadable', { path });
      }
    }),
  );
}

function readTombstone(text: string, path: string): Found {
  const { name, removedAt, error, record } = parseJsonObject(text, path);
  if (typeof name !== 'string' || typeof removedAt !== 'string') {
    return found('tombstone-unreadable', { path });
  }
  return found('tombstone', {
    name,
    day: removedAt.slice(0, 10),
    driver: driverIn(record) ?? 'that is not known',
    error: typeof error === 'string' ? error : '',
    path,
  });
}

function driverIn(record: unknown): string | undefined {
  try {
    const value: unknown = typeof record === 'string' ? JSON.parse(record) : undefined;
    return isJsonObject(value) && typeof value['DriverName'] === 'string' ? value['DriverName'] : undefined;
  } catch {
    return undefined;
  }
}
