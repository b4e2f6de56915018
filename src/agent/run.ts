import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import type { ProcessIdentity } from '../host/types.ts';
import { openMachine, driverContext, type OpenMachine } from '../machine/open.ts';
import { loadOwnData } from '../machine/own-data.ts';
import type { PublishMode } from '../machine/publish-mode.ts';
import { createSession, type Session } from '../machine/session.ts';
import type { MachineShare } from '../machine/shares.ts';
import { withLock } from '../store/lock.ts';
import { agentLockPath } from '../store/paths.ts';
import { backOffMs } from './back-off.ts';
import { ChangeRelay } from './change-relay.ts';
import { ClockKeeper } from './clock-keeper.ts';
import { OutsideWatch } from './outside-watch.ts';
import { Publisher, type PortState } from './publisher.ts';
import type { MountState } from './share-mounts.ts';
import { writeAgentState } from './state.ts';
import { wantedPorts } from './wanted.ts';
import { agentWays, openSshLink, type SshLink } from './ways.ts';
import { watchEngine } from './watch.ts';

/** One that is about to end has that long. */
const lockTimeoutMs = 1_000;
const cleanUpTimeoutMs = 4_000;

/** What an agent works on while its machine runs. */
interface Agent {
  readonly session: Session;
  readonly machine: OpenMachine;
  readonly process: ProcessIdentity;
  readonly publish: PublishMode;
  readonly publisher: Publisher;
  readonly clockKeeper: ClockKeeper;
  readonly outsideWatch: OutsideWatch;
  readonly changeRelay: ChangeRelay;
  readonly told: Told;
}

/** What is written down of it. */
interface Told {
  isComplete: boolean;
  ports: readonly PortState[];
  mounts: readonly MountState[];
  /** What was written last, to write only what is new. */
  written: string;
}

/**
 * The background agent: forwards what the containers of a machine publish, and keeps the guest's clock, until the
 * session is interrupted or the machine does not run any more. Ends at once where another one is at work.
 * @throws MachineError of a machine that is not there or has no use for an agent.
 */
export async function runAgent(session: Session, name: string): Promise<void> {
  const machine = await openMachine(session, name);
  const { forwards, shares } = machine.driver.manifest.capabilities;
  if (forwards !== true && shares?.includes('sftp') !== true) {
    throw new MachineError('capability-missing', `The machine "${name}" has no background agent.`, {
      why: `the driver "${machine.driver.manifest.name}" forwards no ports`,
    });
  }
  const lock = agentLockPath(session.storePath, name);
  const options = { what: `agent ${name}`, timeoutMs: lockTimeoutMs, signal: session.signal };
  try {
    await withLock(session.host, lock, options, async () => serve(session, machine));
  } catch (error) {
    if (!session.signal.aborted && !(isMachineError(error) && error.code === 'record-locked')) {
      throw error;
    }
  }
}

async function serve(session: Session, machine: OpenMachine): Promise<void> {
  const { host, storePath, emit } = session;
  const process = await host.processes.identify(host.facts.pid);
  if (process === undefined || !(await isRunning(session, machine))) {
    return;
  }
  const { publish, shares } = await loadOwnData(session, machine.name);
  const served = shares.filter(({ way }) => way === 'sftp');
  // What is taken away at the end is taken away although the session was interrupted.
  const signal = new AbortController().signal;
  const ownSession = createSession({ host, storePath, emit, signal });
  const ssh = openSshLink(ownSession, machine);
  const publisher = new Publisher(host, await agentWays(ownSession, machine, ssh));
  const clockKeeper = new ClockKeeper(session, machine);
  const outsideWatch = new OutsideWatch(session, machine);
  const changeRelay = new ChangeRelay({
    host,
    signal: session.signal,
    connection: async () => ssh.connection(),
    shares,
    say: (message) => {
      say(session, message);
    },
  });
  const told = { isComplete: false, ports: [], mounts: served.map(waitingMount), written: '' };
  const agent: Agent = {
    session,
    machine,
    process,
    publish,
    publisher,
    clockKeeper,
    outsideWatch,
    changeRelay,
    told,
  };
  const over = new AbortController();
  const mounts = served.length === 0 ? Promise.resolve() : serveShares(agent, { served, ssh, over });
  say(session, `The agent of "${machine.name}" has started (process ${String(process.pid)}).`);
  try {
    await record(agent, {});
    await stayConnected(agent);
  } finally {
    over.abort(new Error('the agent ends'));
    changeRelay.close();
    await within(
      session,
      cleanUpTimeoutMs,
      Promise.all([publisher.close(), mounts.then(async () => ssh.close()), ownSession.close()]),
    );
    say(session, 'The agent has ended.');
  }
}

/** Watches the engine, and comes back to it after every loss, until there is nothing more to watch. */
async function stayConnected(agent: Agent): Promise<void> {
  const { session, machine, publisher, clockKeeper, outsideWatch, changeRelay } = agent;
  let failures = 0;
  while (!session.signal.aborted && (await isRunning(session, machine))) {
    try {
      await watchEngine(session, machine, {
        onConnect: () => {
          publisher.renew();
        },
        hasJumped: () => clockKeeper.hasJumped(),
        onContainers: async (containers, answer) => {
          failures = 0;
          await requireDirectory(session, machine);
          const ports = await publisher.apply(wantedPorts(containers, agent.publish));
          await record(agent, { isComplete: true, ports });
          await clockKeeper.look(answer);
          await outsideWatch.look(containers);
          await changeRelay.update(containers);
        },
      });
    } catch (error) {
      session.signal.throwIfAborted();
      failures += 1;
      if (failures === 1) {
        say(session, `The engine does not answer: ${messageOf(error)}`);
      }
      await clockKeeper.considerFailure(error);
      await session.host.clock.sleep(backOffMs(failures), session.signal);
    }
  }
}

/** Whoever removes a machine's directory by hand has removed the machine. */
async function requireDirectory({ host }: Session, { directory }: OpenMachine): Promise<void> {
  if ((await host.files.stat(directory)) === undefined) {
    throw new Error('the directory of the machine is gone');
  }
}

/** True also while it is paused or cannot be asked: it may come back. */
async function isRunning(session: Session, machine: OpenMachine): Promise<boolean> {
  const { host } = session;
  if ((await host.files.stat(machine.directory)) === undefined) {
    return false;
  }
  const { power } = await machine.driver.inspect(driverContext(session, machine));
  return power !== 'stopped' && power !== 'absent';
}

/** Serves what the machine sees by SFTP, and writes down what becomes of it. */
async function serveShares(
  agent: Agent,
  {
    served,
    ssh,
    over,
  }: { readonly served: readonly MachineShare[]; readonly ssh: SshLink; readonly over: AbortController },
): Promise<void> {
  const { session } = agent;
  const signal = AbortSignal.any([session.signal, over.signal]);
  const onChange = (mounts: readonly MountState[]): void => {
    record(agent, { mounts }).catch((error: unknown) => {
      say(session, `agent.json: ${messageOf(error)}`);
    });
  };
  const { keepMounts } = await import('./share-mounts.ts');
  await keepMounts(
    { host: session.host, signal, connection: async () => ssh.connection(), onChange },
    served,
  );
}

function waitingMount({ path }: MachineShare): MountState {
  return { path, state: 'missing' };
}

/** Writes down what is new, and says so. */
async function record(
  { session, machine, process, publish, told }: Agent,
  change: Partial<Omit<Told, 'written'>>,
): Promise<void> {
  const before = linesOf(told);
  Object.assign(told, change);
  const { isComplete, ports, mounts } = told;
  const served = mounts.length === 0 ? {} : { mounts };
  const state = { schema: 1, process, publish, isComplete, ports, ...served } as const;
  const text = JSON.stringify(state);
  if (text === told.written) {
    return;
  }
  told.written = text;
  const now = linesOf(told);
  await writeAgentState(session, machine.directory, state);
  for (const line of now.filter((each) => !before.includes(each))) {
    say(session, line);
  }
  for (const line of before.filter((each) => !now.includes(each))) {
    say(session, `no longer: ${line}`);
  }
}

function linesOf({ ports, mounts }: Told): string[] {
  const shares = mounts
    .filter(({ state, reason }) => state === 'mounted' || reason !== undefined)
    .map(({ path, state, reason = '' }) => `${path}: ${state}${reason === '' ? '' : ` (${reason})`}`);
  const forwards = ports.map(({ protocol, address, port, container, containerPort, state, reason }) => {
    const from = `${address.includes(':') ? `[${address}]` : address}:${String(port)}/${protocol}`;
    const why = reason === undefined ? '' : ` (${reason})`;
    return `${from} to ${container}:${String(containerPort)}: ${state}${why}`;
  });
  return [...shares, ...forwards];
}

function say(session: Session, message: string): void {
  session.emit({ type: 'note', message });
}

/** Waits for work that may fail or take too long; either is no reason to stay. */
async function within(session: Session, timeoutMs: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const settled = work.then(
    () => undefined,
    (error: unknown) => {
      say(session, `Not everything was taken away: ${messageOf(error)}`);
    },
  );
  await Promise.race([settled, session.host.clock.sleep(timeoutMs, over.signal).catch(() => undefined)]);
  over.abort(new Error('done'));
}
