import type { ProcessIdentity } from '../host/types.ts';
import { machinePaths } from '../machine/machine-paths.ts';
import { driverContext, openMachine, type OpenMachine } from '../machine/open.ts';
import { loadOwnData, type OwnData } from '../machine/own-data.ts';
import type { Session } from '../machine/session.ts';
import { readLockOwner } from '../store/lock.ts';
import { agentLockPath, joinPath } from '../store/paths.ts';

// On the way of `env` and `start`: nothing heavy is imported here.

const endTimeoutMs = 5_000;
const endPauseMs = 10;
const logBytesMax = 1024 * 1024;

/** Options of Node for a process that mostly waits: megabytes of memory less, with what is new collected sooner. */
const smallHeap = ['--max-semi-space-size=1', '--optimize-for-size', '--single-threaded-gc'];
/** More megabytes less. An agent that serves files is quicker with compilers that optimize. */
const littleCompiler = ['--no-opt', '--no-sparkplug'];

/** The background agent of a machine, if one runs. A process is known by its lock, which only one can hold. */
export async function findAgent(session: Session, name: string): Promise<ProcessIdentity | undefined> {
  const { host, storePath } = session;
  const owner = await readLockOwner(host, agentLockPath(storePath, name));
  return owner !== undefined && (await host.processes.isAlive(owner)) ? owner : undefined;
}

/**
 * Starts the background agent of a machine that runs, where the machine is one that has an agent and none runs yet. Does
 * not wait until it works. Never throws: whoever calls has done something else, and the agent helps only.
 */
export async function ensureAgent(session: Session, name: string): Promise<void> {
  try {
    const machine = await openMachine(session, name);
    if (!mayHaveAgent(machine) || (await findAgent(session, name)) !== undefined) {
      return;
    }
    const own = await loadOwnData(session, name);
    const { power } = await machine.driver.inspect(driverContext(session, machine));
    if (needsAgent(machine, own) && own.phase === 'ready' && power === 'running') {
      await startAgent(session, machine, own);
    }
  } catch (error) {
    session.signal.throwIfAborted();
    const message = `The background agent of "${name}" has not started: ${error instanceof Error ? error.message : String(error)}`;
    session.emit({ type: 'warn', message, machine: name });
  }
}

/** True where there may be something to do for an agent. */
function mayHaveAgent({ driver }: OpenMachine): boolean {
  const { forwards, shares } = driver.manifest.capabilities;
  return forwards === true || shares?.includes('sftp') === true;
}

/** True where there is: ports to forward, or directories to serve. */
export function needsAgent({ driver }: OpenMachine, { publish, shares }: OwnData): boolean {
  const forwards = driver.manifest.capabilities.forwards === true && publish !== 'none';
  return forwards || shares.some(({ way }) => way === 'sftp');
}

/**
 * The same for commands that have nothing to do with the agent, but talk to the machine anyway. Not on Windows, where it
 * takes half a second to ask whether a process runs.
 */
export async function reviveAgent(session: Session, name: string): Promise<void> {
  if (session.host.facts.platform !== 'win32') {
    await ensureAgent(session, name);
  }
}

async function startAgent(
  { host, storePath }: Session,
  { name, directory }: OpenMachine,
  { shares }: OwnData,
): Promise<void> {
  const { facts, files, processes } = host;
  const { agentLog, agentLogBefore } = machinePaths(directory);
  if (((await files.stat(agentLog))?.sizeBytes ?? 0) > logBytesMax) {
    await files.rename(agentLog, agentLogBefore);
  }
  const program = joinPath(facts.packageRoot, 'bin', 'tsmachine.js');
  const servesFiles = shares.some(({ way }) => way === 'sftp');
  const options = servesFiles ? smallHeap : [...smallHeap, ...littleCompiler];
  const argv = [...options, program, '--storage-path', storePath, 'agent', name];
  await processes.spawnDetached(facts.nodePath, argv, {
    logPath: agentLog,
    // Not the user's: that one may be about to be unmounted.
    cwd: facts.homeDirectory,
  });
}

/**
 * Ends the background agent of a machine, which takes its forwards away first. Waits until it is gone; one that does not
 * listen is killed.
 */
export async function endAgent(session: Session, name: string): Promise<void> {
  const { processes, clock } = session.host;
  const agent = await findAgent(session, name);
  if (agent === undefined || !(await processes.signal(agent, 'SIGTERM'))) {
    return;
  }
  const isGone = async (): Promise<boolean> => {
    const deadlineMs = clock.monotonicMs() + endTimeoutMs;
    while (await processes.isAlive(agent)) {
      if (clock.monotonicMs() >= deadlineMs) {
        return false;
      }
      await clock.sleep(endPauseMs, session.signal);
    }
    return true;
  };
  if (!(await isGone())) {
    await processes.signal(agent, 'SIGKILL');
    // Its lock can be swept up only once it is dead.
    await isGone();
  }
}
