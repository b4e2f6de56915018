import { setMaxListeners } from 'node:events';
import { isMachineError, messageOf } from '../core/errors.ts';
import { listMachineDirectories } from '../store/machine-files.ts';
import { joinPath, machineFiles, storeDirectories } from '../store/paths.ts';
import type { EngineOptions, SwarmOptions } from '../store/record.ts';
import {
  matchesName,
  matchesRecord,
  matchesState,
  needsRecord,
  parseListFilters,
  type FilteredMachine,
  type ListFilters,
} from './list-filters.ts';
import type { CertificateEnds } from './certificate-ends.ts';
import { tlsMaterial } from './connection.ts';
import { compareNaturally } from './natural-order.ts';
import { openRecord, readMachine, type OpenMachine } from './open.ts';
import { askMany, type AskMany } from './ask-many.ts';
import { loadOwnData } from './own-data.ts';
import { stateName, withStatus, type ProbedMachine } from './probe.ts';
import type { Session } from './session.ts';
import { swarmUrl } from './swarm-url.ts';

/** One line of `ls`. */
export interface MachineRow {
  readonly name: string;
  /** `not found` for a machine whose record cannot be used, `not-found` for one whose driver is not there. */
  readonly driverName: string;
  /** Running, Stopped, Error, Timeout … */
  readonly state: string;
  readonly url: string;
  /** True for the running machine that DOCKER_HOST names. */
  readonly active: boolean;
  /** True for the running Swarm master whose Swarm DOCKER_HOST names. */
  readonly activeSwarm: boolean;
  /** The master of the machine's classic Swarm; with ` (master)` when it is the machine itself. */
  readonly swarm: string;
  /** `v26.1.5`, or `Unknown`; empty for a machine that cannot be read, or that took too long. */
  readonly engineVersion: string;
  readonly error: string;
  readonly responseTimeMs: number;
  /** As in the record; null where there is none. */
  readonly swarmOptions: SwarmOptions | null;
  readonly engineOptions: EngineOptions | null;
}

/** What is listed, and how long at most. */
export interface ListOptions {
  /** Over everything, filters too. What is not known by then is a row that says `Timeout`. */
  readonly timeoutMs: number;
  /** `key=value` texts: see parseListFilters. */
  readonly filters?: readonly string[];
}

/** Names of all machines, in byte order. */
export async function listNames(session: Session): Promise<string[]> {
  return listMachineDirectories(session.host, session.storePath);
}

/**
 * Names of the machines that match the filters, in byte order. Reads no more of a machine than the filters need, and
 * asks no engine. A machine that cannot be read is in the state `Error`.
 * @throws MachineError `flag-invalid` for a filter that cannot be used.
 */
export async function listMatchingNames(session: Session, options: ListOptions): Promise<string[]> {
  const filters = parseListFilters(options.filters ?? []);
  if (!needsRecord(filters)) {
    return (await listNames(session)).filter((name) => matchesName(filters, name));
  }
  return withListing(session, options, async (listing) => {
    const entries = await selectEntries(listing, filters);
    if (filters.states.length === 0) {
      return entries.map(({ name }) => name);
    }
    const probes = probeEntries(listing, entries);
    const matched = await Promise.all(
      entries.map(async (entry) => matchesState(filters, await boundedState(listing, entry, probes))),
    );
    return entries.filter((_, index) => matched[index]).map(({ name }) => name);
  });
}

/**
 * The machines that match the filters with their state, all probed at once, in natural order. One that cannot be read is
 * a row that says why.
 * @throws MachineError `flag-invalid` for a filter that cannot be used.
 */
export async function listMachines(session: Session, options: ListOptions): Promise<MachineRow[]> {
  const filters = parseListFilters(options.filters ?? []);
  return withListing(session, options, async (listing) => {
    const entries = await selectEntries(listing, filters);
    const probes = probeEntries(listing, entries);
    const rows = await Promise.all(entries.map((entry) => boundedRow({ listing, probes }, filters, entry)));
    return rows.filter((row) => row !== undefined).sort((a, b) => compareNaturally(a.name, b.name));
  });
}

/** A listing on its way, with one deadline for all of it. */
interface Listing {
  readonly session: Session;
  /** The session of all that is asked, which ends with the listing. */
  readonly asking: Session;
  readonly timeoutMs: number;
  /** Resolves when the time is over. */
  readonly late: Promise<'late'>;
  /** Names of Swarm masters by what their Swarm is discovered with. */
  readonly masters: Map<string, string>;
  certificateEnds(): Promise<CertificateEnds>;
}

async function withListing<T>(
  session: Session,
  { timeoutMs }: ListOptions,
  action: (listing: Listing) => Promise<T>,
): Promise<T> {
  const { clock } = session.host;
  const limit = new AbortController();
  const timer = new AbortController();
  const late = clock.sleep(timeoutMs, timer.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  );
  const signal = AbortSignal.any([session.signal, limit.signal]);
  // Hundreds of machines listen to it.
  setMaxListeners(0, signal);
  let ends: Promise<CertificateEnds> | undefined;
  const listing: Listing = {
    session,
    asking: { ...session, signal },
    timeoutMs,
    late,
    masters: new Map(),
    certificateEnds: async () => {
      ends ??= import('./certificate-ends.ts').then((module) => module.createCertificateEnds(clock.nowMs()));
      return ends;
    },
  };
  try {
    return await action(listing);
  } finally {
    timer.abort();
    // Whoever still waits for a machine gives up.
    limit.abort();
  }
}

/** A machine of the store: its record, or why there is none. */
interface Entry extends FilteredMachine {
  readonly problem: unknown;
}

/** All records are read, also those of machines that are filtered out: one of them may be a Swarm's master. */
async function selectEntries(listing: Listing, filters: ListFilters): Promise<Entry[]> {
  const names = await listNames(listing.session);
  const entries = await Promise.all(
    names.map(async (name) => {
      const read = await Promise.race([readEntry(listing.session, name), listing.late]);
      return read === 'late' ? { name, record: undefined, driverName: undefined, problem: 'late' } : read;
    }),
  );
  for (const { name, record } of entries) {
    const swarm = record?.HostOptions.SwarmOptions;
    if (swarm?.Master === true) {
      listing.masters.set(swarm.Discovery, name);
    }
  }
  return entries.filter(
    (entry) => matchesName(filters, entry.name) && matchesRecord(filters, entry, listing.masters),
  );
}

async function readEntry(session: Session, name: string): Promise<Entry> {
  try {
    const record = await readMachine(session, name);
    return { name, record, driverName: record.DriverName, problem: undefined };
  } catch (problem) {
    return { name, record: undefined, driverName: await rawDriverName(session, name), problem };
  }
}

/** What is found out about a machine, by name. */
type Probes = ReadonlyMap<string, Promise<ProbedMachine>>;

function probeEntries({ asking }: Listing, entries: readonly Entry[]): Probes {
  const opened = entries.flatMap(({ name, record }) =>
    record === undefined ? [] : [{ name, machine: openRecord(asking, name, record) }],
  );
  const ask = askMany(
    asking,
    opened.map(({ machine }) => machine),
  );
  return new Map(opened.map(({ name, machine }) => [name, probeWith(ask, machine)]));
}

async function probeWith(ask: AskMany, opened: Promise<OpenMachine>): Promise<ProbedMachine> {
  const machine = await opened;
  return withStatus(machine, await ask(machine));
}

async function boundedState(
  listing: Listing,
  { name, record, problem }: Entry,
  probes: Probes,
): Promise<string> {
  const probe = probes.get(name);
  if (record === undefined || probe === undefined) {
    return problem === 'late' ? 'Timeout' : 'Error';
  }
  const state = probe.then(
    ({ status }) => stateName(status.power),
    () => 'Error',
  );
  const first = await Promise.race([state, listing.late]);
  return first === 'late' ? 'Timeout' : first;
}

/** Undefined for a machine whose state is not one that is asked for. */
async function boundedRow(
  { listing, probes }: { readonly listing: Listing; readonly probes: Probes },
  filters: ListFilters,
  entry: Entry,
): Promise<MachineRow | undefined> {
  const { clock } = listing.session.host;
  const startedMs = clock.monotonicMs();
  let isMatched = filters.states.length === 0;
  const row = machineRow(listing, entry, {
    probe: probes.get(entry.name),
    isWanted: (state) => (isMatched = matchesState(filters, state)),
  });
  const first = await Promise.race([row, listing.late]);
  if (first !== 'late') {
    return first && { ...first, responseTimeMs: clock.monotonicMs() - startedMs };
  }
  // The driver may have answered already, and only the engine not.
  return isMatched || matchesState(filters, 'Timeout') ? lateRow(listing, entry) : undefined;
}

type UntimedRow = Omit<MachineRow, 'responseTimeMs'>;

async function machineRow(
  listing: Listing,
  entry: Entry,
  {
    probe,
    isWanted,
  }: {
    readonly probe: Promise<ProbedMachine> | undefined;
    readonly isWanted: (state: string) => boolean;
  },
): Promise<UntimedRow | undefined> {
  const { problem } = entry;
  if (probe === undefined) {
    return problem === 'late'
      ? listing.late.then(() => undefined)
      : isWanted('Error')
        ? brokenRow(entry, problem)
        : undefined;
  }
  let probed: ProbedMachine;
  try {
    probed = await probe;
  } catch (error) {
    return isWanted('Error') ? brokenRow(entry, error) : undefined;
  }
  return isWanted(stateName(probed.status.power))
    ? probedRow(listing, entry, probed).catch((error: unknown) => brokenRow(entry, error))
    : undefined;
}

async function probedRow(listing: Listing, entry: Entry, probed: ProbedMachine): Promise<UntimedRow> {
  const { asking: session } = listing;
  const { status } = probed;
  const url = status.engineUrl ?? '';
  const state = stateName(status.power);
  const swarm = entry.record?.HostOptions.SwarmOptions ?? null;
  const unfinished = await lifeNote(session, probed);
  const engine = url === '' ? notAsked : await askEngine(listing, probed, url);
  const dockerHost = session.host.facts.env['DOCKER_HOST'] ?? '';
  const isRunning = state === 'Running' && dockerHost !== '';
  return {
    ...emptyRow(entry),
    driverName: probed.driverName,
    state,
    url,
    active: isRunning && dockerHost === url,
    activeSwarm: isRunning && swarm?.Master === true && dockerHost === swarmUrl(url, swarm.Host),
    swarm: swarmColumn(listing, swarm),
    engineVersion: engine.version,
    error: unfinished ?? (status.power === 'error' ? (status.detail ?? '') : engine.error),
    swarmOptions: swarm,
    engineOptions: entry.record?.HostOptions.EngineOptions ?? null,
  };
}

function swarmColumn({ masters }: Listing, swarm: SwarmOptions | null): string {
  const master = swarm === null || swarm.Discovery === '' ? undefined : masters.get(swarm.Discovery);
  if (master === undefined) {
    return '';
  }
  return swarm?.Master === true ? `${master} (master)` : master;
}

async function lifeNote(session: Session, { name }: ProbedMachine): Promise<string | undefined> {
  const { phase, expiresMs } = await loadOwnData(session, name);
  if (expiresMs !== undefined && expiresMs <= session.host.clock.nowMs()) {
    return 'its time is over: tsmachine gc';
  }
  if (phase === 'creating') {
    return `never finished: tsmachine create --resume ${name}`;
  }
  return phase === 'removing' ? `removal never finished: tsmachine rm ${name}` : undefined;
}

const notAsked = { version: 'Unknown', error: '' };

async function askEngine(
  listing: Listing,
  { name, directory }: ProbedMachine,
  url: string,
): Promise<{ version: string; error: string }> {
  const { asking: session, timeoutMs } = listing;
  try {
    const { engineVersion } = await import('../engine/client.ts');
    const material = await tlsMaterial(session, directory);
    const { version } = await engineVersion(session.host, url, material, {
      timeoutMs,
      signal: session.signal,
    });
    const server = await session.host.files
      .readText(joinPath(directory, machineFiles.serverCert))
      .catch(() => undefined);
    const warning = (await listing.certificateEnds()).warning(name, { ...material, server });
    return { version: `v${version}`, error: warning ?? '' };
  } catch (error) {
    return { version: 'Unknown', error: `Unable to query docker version: ${engineProblem(error)}` };
  }
}

/** Nothing that listens is docker-machine's sentence, which scripts match on; any other cause has a name. */
function engineProblem(error: unknown): string {
  const isUnreachable = isMachineError(error) && error.code === 'engine-unreachable';
  return isUnreachable ? 'Cannot connect to the docker engine endpoint' : oneLine(error);
}

/** A machine that cannot be read or asked, in docker-machine's words. */
function brokenRow(entry: Entry, error: unknown): UntimedRow {
  const { record } = entry;
  if (record !== undefined && isMachineError(error) && error.code === 'driver-unknown') {
    return {
      ...emptyRow(entry),
      driverName: 'not-found',
      state: 'Error',
      engineVersion: 'Unknown',
      error: `Driver "${record.DriverName}" not found. Do you have the plugin binary accessible in your PATH?`,
      swarmOptions: record.HostOptions.SwarmOptions,
      engineOptions: record.HostOptions.EngineOptions,
    };
  }
  return { ...emptyRow(entry), driverName: 'not found', state: 'Error', error: loadProblem(error) };
}

function loadProblem(error: unknown): string {
  if (isMachineError(error) && error.code === 'machine-incomplete') {
    return `open ${String(error.facts['path'])}: no such file or directory`;
  }
  if (isMachineError(error) && error.code === 'record-from-future') {
    return 'Error getting migrated host: config version is from the future -- you should upgrade your Docker Machine client';
  }
  return oneLine(error);
}

function lateRow({ timeoutMs }: Listing, entry: Entry): MachineRow {
  return {
    ...emptyRow(entry),
    driverName: entry.driverName ?? '',
    state: 'Timeout',
    responseTimeMs: timeoutMs,
    swarmOptions: entry.record?.HostOptions.SwarmOptions ?? null,
    engineOptions: entry.record?.HostOptions.EngineOptions ?? null,
  };
}

function emptyRow({ name }: Entry): UntimedRow {
  return {
    name,
    driverName: '',
    state: '',
    url: '',
    active: false,
    activeSwarm: false,
    swarm: '',
    engineVersion: '',
    error: '',
    swarmOptions: null,
    engineOptions: null,
  };
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
