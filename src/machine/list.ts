import { isMachineError, messageOf } from '../core/errors.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { joinPath, machineFiles, storeDirectories } from '../store/paths.ts';
import { tlsMaterial } from './connection.ts';
import { loadOwnData } from './own-data.ts';
import { probeMachine, stateName, type ProbedMachine } from './probe.ts';
import type { Session } from './session.ts';

/** One line of `ls`. */
export interface MachineRow {
  readonly name: string;
  readonly driverName: string;
  /** Running, Stopped, Error, Timeout … */
  readonly state: string;
  readonly url: string;
  /** True for the running machine that DOCKER_HOST names. */
  readonly active: boolean;
  /** `v26.1.5`, `Unknown`, or empty when there is nothing to ask. */
  readonly engineVersion: string;
  readonly error: string;
  readonly responseTimeMs: number;
}

/** Names of all machines, in byte order. */
export async function listNames(session: Session): Promise<string[]> {
  return listMachineDirectories(session.host, session.storePath);
}

/**
 * Every machine with its state, all probed at once and none waited for longer than `timeoutMs`.
 * A machine that cannot be read is a row that says why.
 */
export async function listMachines(
  session: Session,
  options: { readonly timeoutMs: number },
): Promise<MachineRow[]> {
  const names = await listNames(session);
  const rows = await Promise.all(names.map((name) => boundedRow(session, name, options.timeoutMs)));
  return rows.sort((a, b) => naturalOrder.compare(a.name.toLowerCase(), b.name.toLowerCase()));
}

// Digits count as numbers: m2 before m10.
const naturalOrder = new Intl.Collator('en', { numeric: true });

async function boundedRow(session: Session, name: string, timeoutMs: number): Promise<MachineRow> {
  const { clock } = session.host;
  const startedMs = clock.monotonicMs();
  const limit = new AbortController();
  const bounded: Session = { ...session, signal: AbortSignal.any([session.signal, limit.signal]) };
  const late = clock.sleep(timeoutMs, limit.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  const row = machineRow(bounded, name, timeoutMs).catch((error: unknown) => brokenRow(session, name, error));
  const first = await Promise.race([row, late]);
  limit.abort();
  if (first !== 'late') {
    return { ...first, responseTimeMs: clock.monotonicMs() - startedMs };
  }
  return {
    ...emptyRow(name),
    driverName: (await rawDriverName(session, name)) ?? '',
    state: 'Timeout',
    responseTimeMs: timeoutMs,
  };
}

async function machineRow(
  session: Session,
  name: string,
  timeoutMs: number,
): Promise<Omit<MachineRow, 'responseTimeMs'>> {
  const probed = await probeMachine(session, name);
  const { status } = probed;
  const url = status.engineUrl ?? '';
  const unfinished = await unfinishedNote(session, probed);
  const engine = url === '' ? { version: '', error: '' } : await askEngine(session, probed, url, timeoutMs);
  return {
    ...emptyRow(name),
    driverName: probed.driverName,
    state: stateName(status.power),
    url,
    active: url !== '' && session.host.facts.env['DOCKER_HOST'] === url,
    engineVersion: engine.version,
    error: unfinished ?? (status.power === 'error' ? (status.detail ?? '') : engine.error),
  };
}

async function unfinishedNote(session: Session, { name }: ProbedMachine): Promise<string | undefined> {
  const { phase } = await loadOwnData(session, name);
  if (phase === 'creating') {
    return `never finished: tsmachine create --resume ${name}`;
  }
  return phase === 'removing' ? `removal never finished: tsmachine rm ${name}` : undefined;
}

async function askEngine(
  session: Session,
  { directory }: ProbedMachine,
  url: string,
  timeoutMs: number,
): Promise<{ version: string; error: string }> {
  try {
    const { engineVersion } = await import('../engine/client.ts');
    const material = await tlsMaterial(session, directory);
    const { version } = await engineVersion(session.host, url, material, {
      timeoutMs,
      signal: session.signal,
    });
    return { version: `v${version}`, error: '' };
  } catch (error) {
    return { version: 'Unknown', error: oneLine(error) };
  }
}

async function brokenRow(
  session: Session,
  name: string,
  error: unknown,
): Promise<Omit<MachineRow, 'responseTimeMs'>> {
  const driverName = await rawDriverName(session, name);
  const missing = isMachineError(error) && error.code === 'driver-unknown';
  return {
    ...emptyRow(name),
    driverName: driverName ?? 'not found',
    state: 'Error',
    engineVersion: missing ? 'Unknown' : '',
    error: oneLine(error),
  };
}

function emptyRow(name: string): Omit<MachineRow, 'responseTimeMs'> {
  return { name, driverName: '', state: '', url: '', active: false, engineVersion: '', error: '' };
}

function oneLine(error: unknown): string {
  const why = isMachineError(error) && error.why !== undefined ? `: ${error.why}` : '';
  return `${messageOf(error)}${why}`.replace(/\s*\n\s*/g, ' ');
}

/**
 * The driver's name out of a record that may be broken otherwise. The name of the folder may not even be that of a
 * machine, so the path is only read, never written.
 */
export async function rawDriverName({ host, storePath }: Session, name: string): Promise<string | undefined> {
  try {
    const text = await host.files.readText(
      joinPath(storePath, storeDirectories.machines, name, machineFiles.config),
    );
    const record: unknown = JSON.parse(text);
    const driverName: unknown = (record as { DriverName?: unknown } | null)?.DriverName;
    return typeof driverName === 'string' && /^[\w.-]{1,64}$/.test(driverName) ? driverName : undefined;
  } catch {
    return undefined;
  }
}
