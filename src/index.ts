/**
 * The library: what the command line itself uses. Every function takes a Session, which `openSession` makes.
 *
 * ```ts
 * import { connectionOf, createMachine, machineRequest, openSession } from 'tsmachine';
 *
 * const session = openSession({ onEvent: (event) => console.error(event) });
 * await createMachine(session, machineRequest('default', { driverName: 'qemu', flagValues: { 'qemu-memory': 4096 } }));
 * const { url, certDirectory } = await connectionOf(session, 'default', { check: true, timeoutMs: 10_000 });
 * ```
 */
import type { MachineEvent } from './core/events.ts';
import { createHost } from './host/real.ts';
import type { CreateRequest } from './machine/request.ts';
import { createSession, type Session } from './machine/session.ts';
import { resolveStorePath } from './store/paths.ts';

export { endAgent, ensureAgent } from './agent/control.ts';
export { forwardPorts } from './agent/forward.ts';
export { setPublishMode, showPorts, type ShownPort } from './agent/show.ts';
export { errorCodes, type ErrorCode } from './core/codes.ts';
export * from './drivers/author.ts';
export { defaultDriver, driverNames, loadManifest } from './drivers/registry.ts';
export { connectionOf, type Connection } from './machine/connection.ts';
export { useMachine } from './machine/contexts.ts';
export { createMachine, planCreate, resumeCreate, type PlannedStep } from './machine/create.ts';
export { examine, type Diagnosis } from './machine/doctor/examine.ts';
export { listMachines, listNames, type MachineRow } from './machine/list.ts';
export { followLog, readLogs } from './machine/logs.ts';
export { killMachine, restartMachine, startMachine, stopMachine } from './machine/power.ts';
export { probeMachine, requireEngineUrl, type ProbedMachine } from './machine/probe.ts';
export { removeMachine } from './machine/remove.ts';
export type { CreateRequest, EngineRequest, SwarmRequest } from './machine/request.ts';
export type { Session } from './machine/session.ts';
export { rotateCertificates, rotateClientCertificate, type Rotation } from './machine/rotate.ts';
export { runRemote, type ShellStreams } from './machine/shell.ts';
export { engineVersionOf } from './machine/version.ts';

/** How a session is opened. */
export interface SessionOptions {
  /** Directory of the store; MACHINE_STORAGE_PATH, else `~/.docker/machine`. */
  readonly storePath?: string;
  readonly onEvent?: (event: MachineEvent) => void;
  /** Abort it to interrupt what is going on. */
  readonly signal?: AbortSignal;
}

/** A session on this computer. Call its `close` at the end: drivers may have processes of their own. */
export function openSession(options: SessionOptions = {}): Session {
  const host = createHost();
  return createSession({
    host,
    storePath: resolveStorePath(host.facts, options.storePath),
    emit: options.onEvent ?? (() => undefined),
    signal: options.signal ?? new AbortController().signal,
  });
}

/** A complete request for createMachine: what is not given is as the command line has it. */
export function machineRequest(
  name: string,
  request: Pick<CreateRequest, 'driverName'> & Partial<CreateRequest>,
): CreateRequest {
  return {
    name,
    flagValues: {},
    tlsSans: [],
    tlsKeyType: 'ec',
    ...request,
    engine: {
      options: [],
      insecureRegistries: [],
      registryMirrors: [],
      labels: [],
      storageDriver: '',
      env: [],
      installUrl: 'https://get.docker.com',
      ...request.engine,
    },
  };
}
