import type { ChildProcess, ExecFileOptions } from 'node:child_process';
import { constants, promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { MachineError, systemCode } from '../core/errors.ts';
import { findProgram } from './find-program.ts';
import type { HostFacts, ProcessIdentity, Processes } from './types.ts';

const QUESTION_TIMEOUT_MS = 20_000;

type SpawnOptions = Parameters<Processes['spawnDetached']>[2];

/** Child processes and identities of the real system. */
export function createProcesses(facts: Pick<HostFacts, 'platform' | 'env'>): Processes {
  const identify = async (pid: number): Promise<ProcessIdentity | undefined> =>
    identifyOn(facts.platform, pid);
  const isAlive = async (identity: ProcessIdentity): Promise<boolean> =>
    (await identify(identity.pid))?.startTime === identity.startTime;
  return {
    run: async (file, args, options) => {
      const { runProgram } = await import('./exec.ts');
      return runProgram(facts, file, args, options);
    },
    runAttached: async (file, args) => {
      const { runAttached } = await import('./attached.ts');
      return runAttached(facts, file, args);
    },
    find: async (program) => findProgram(facts, program),
    spawnDetached: async (file, args, options) => spawnDetached(facts, file, args, options),
    startPiped: async (file, args, options) => {
      const { startPiped } = await import('./piped.ts');
      return startPiped(facts, file, args, options);
    },
    identify,
    isAlive,
    signal: async (identity, signal) => {
      if (!(await isAlive(identity))) {
        return false;
      }
      try {
        return process.kill(identity.pid, signal);
      } catch (error) {
        if (systemCode(error) === 'ESRCH') {
          return false;
        }
        throw error;
      }
    },
  };
}

async function spawnDetached(
  facts: Pick<HostFacts, 'platform' | 'env'>,
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<ProcessIdentity> {
  const program = await findProgram(facts, file);
  if (program === undefined) {
    const { programMissing } = await import('./exec.ts');
    throw programMissing(file);
  }
  const noFollow = (constants as Partial<typeof constants>).O_NOFOLLOW ?? 0;
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | noFollow;
  const log = await fs.open(options.logPath, flags, 0o600).catch((cause: unknown) => {
    throw new MachineError('store-write-failed', `Cannot open the log ${options.logPath}.`, { cause });
  });
  let input: FileHandle | undefined;
  try {
    input = options.stdinPath === undefined ? undefined : await fs.open(options.stdinPath, 'r');
    const { spawn } = await import('node:child_process');
    const child = spawn(program, args, {
      detached: true,
      stdio: [input?.fd ?? 'ignore', log.fd, log.fd],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...facts.env, ...options.env },
      windowsHide: true,
    });
    await started(child, file);
    const identity = await identifyOn(facts.platform, child.pid ?? -1);
    if (identity === undefined) {
      throw endedAtOnce(child, file, options.logPath);
    }
    child.unref();
    return identity;
  } finally {
    await input?.close();
    await log.close();
  }
}

async function started(child: ChildProcess, file: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => {
      reject(
        new MachineError('program-failed', `${file} could not be started.`, {
          cause,
          facts: { program: file },
        }),
      );
    });
  });
}

function endedAtOnce(child: ChildProcess, file: string, logPath: string): MachineError {
  return new MachineError('program-failed', `${file} ended at once.`, {
    why: `Its output is in ${logPath}.`,
    facts: { program: file, exitCode: child.exitCode ?? undefined, stdout: '', stderr: '' },
  });
}

async function identifyOn(platform: NodeJS.Platform, pid: number): Promise<ProcessIdentity | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) {
    return undefined;
  }
  const startTime =
    platform === 'linux'
      ? await linuxStartTime(pid)
      : platform === 'win32'
        ? await windowsStartTime(pid)
        : await unixStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Field 22 of /proc/PID/stat (clock ticks since boot) and the id of the boot: proc(5). */
async function linuxStartTime(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ESRCH') {
      return undefined;
    }
    throw error;
  }
  const boot = (await fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  return startTimeFromStat(stat, boot);
}

/** The identity text from the content of /proc/PID/stat; undefined for a zombie or a process that is just going. */
export function startTimeFromStat(stat: string, boot: string): string | undefined {
  // The second field is the program's name in parentheses and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const state = fields[0];
  const ticks = fields[19];
  return state === undefined || ticks === undefined || 'ZXx'.includes(state) ? undefined : `${boot}/${ticks}`;
}

/** macOS and other Unix systems: the wall-clock start time as ps prints it, and the boot session where there is one. */
async function unixStartTime(pid: number): Promise<string | undefined> {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const answer = await ask('/bin/ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], env);
  const [, state, started] = /^\s*(\S+)\s+(\S.*?)\s*$/.exec(answer ?? '') ?? [];
  if (state === undefined || started === undefined || state.startsWith('Z')) {
    return undefined;
  }
  const boot = await ask('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], env).catch(() => undefined);
  return `${boot?.trim() ?? ''}/${started}`;
}

/**
 * Windows: the start time to 100 ns, in UTC. It differs between boots by itself. A process that may not be
 * asked is an error, not a missing process: a lock must not be taken from it.
 */
async function windowsStartTime(pid: number): Promise<string | undefined> {
  const script = `$p = Get-Process -Id ${pid} -ErrorAction SilentlyContinue; if ($p) { $p.StartTime.ToUniversalTime().Ticks } else { 'none' }`;
  const options = { timeout: QUESTION_TIMEOUT_MS, windowsHide: true };
  const args = ['-NoProfile', '-NonInteractive', '-Command', script];
  const answer = (await runTool('powershell.exe', args, options)).trim();
  if (answer === 'none') {
    return undefined;
  }
  if (!/^\d+$/.test(answer)) {
    throw new MachineError('program-failed', `Windows does not tell when process ${pid} was started.`, {
      facts: { program: 'powershell.exe' },
    });
  }
  return answer;
}

/** Output of a system tool; undefined when it ends with exit code 1, as ps does for an unknown pid. */
async function ask(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    return await runTool(file, args, { env, timeout: QUESTION_TIMEOUT_MS });
  } catch (error) {
    if ((error as { code?: unknown }).code === 1) {
      return undefined;
    }
    throw error;
  }
}

// node:child_process loads where a platform has no file to read: on Linux short commands ask without it.
async function runTool(file: string, args: readonly string[], options: ExecFileOptions): Promise<string> {
  const [{ execFile }, { promisify }] = await Promise.all([
    import('node:child_process'),
    import('node:util'),
  ]);
  return (await promisify(execFile)(file, args, { ...options, encoding: 'utf8' })).stdout;
}
