import { posix, win32 } from 'node:path';
import { MachineError } from '../../src/core/errors.ts';
import type { PipedChild, Processes, RunOptions, RunResult } from '../../src/host/types.ts';

/** A call of `run`, `runAttached` or `spawnDetached`, as it was made. */
export interface ProcessCall {
  readonly file: string;
  readonly args: readonly string[];
  readonly detached: boolean;
  /** Options of `run`; for `spawnDetached` those that both have. */
  readonly options: Partial<RunOptions> & { readonly logPath?: string; readonly stdinPath?: string };
  /** The process that is being started; only of `spawnDetached`. */
  readonly pid?: number;
}

/** What a scripted program does: output and exit code (0 by default), or an error to throw. */
export type Answer = (call: ProcessCall) => Partial<RunResult> | Error | Promise<Partial<RunResult> | Error>;

/** Processes that do what the test says. */
export interface ScriptedProcesses extends Processes {
  /** Every call, in order. */
  readonly calls: ProcessCall[];
  /** Processes that run: start time by pid. Tests may add and delete. */
  readonly running: Map<number, string>;
  /** Signals that were sent, as `SIGTERM 1234`. */
  readonly signals: string[];
  /** When true, SIGTERM and SIGINT end nothing. */
  ignoreTermination: boolean;
  /**
   * Installs a program by its name or path: `find` finds it and `run` asks the answer. A list is used up
   * call by call, its last entry stays.
   */
  answer(
    program: string,
    answer: Answer | Partial<RunResult> | readonly (Answer | Partial<RunResult>)[],
  ): void;
  /** What `startPiped` gives. By default no program is there. */
  onStartPiped: (
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ) => PipedChild | Promise<PipedChild>;
  /** The argument lists of all calls of a program. */
  argumentsOf(program: string): (readonly string[])[];
}

/** Only the process with `ownPid` runs, and no program is installed. */
export function createScriptedProcesses(platform: NodeJS.Platform, ownPid: number): ScriptedProcesses {
  const paths = platform === 'win32' ? win32 : posix;
  const answers = new Map<string, (Answer | Partial<RunResult>)[]>();
  const nameOf = (file: string): string => (answers.has(file) ? file : paths.basename(file));
  let lastPid = 4000;

  const ask = async (call: ProcessCall): Promise<RunResult> => {
    const list = answers.get(nameOf(call.file));
    if (list === undefined) {
      throw new MachineError('program-missing', `The program ${call.file} was not found.`, {
        facts: { program: call.file },
      });
    }
    const next = list.length > 1 ? list.shift() : list[0];
    const found = typeof next === 'function' ? await next(call) : next;
    if (found instanceof Error) {
      throw found;
    }
    return { exitCode: 0, stdout: '', stderr: '', ...found };
  };

  const processes: ScriptedProcesses = {
    calls: [],
    running: new Map([[ownPid, 'boot/own']]),
    signals: [],
    ignoreTermination: false,
    answer: (program, answer) => {
      answers.set(program, Array.isArray(answer) ? [...(answer as readonly Answer[])] : [answer as Answer]);
    },
    argumentsOf: (program) =>
      processes.calls.filter(({ file }) => nameOf(file) === program).map(({ args }) => args),
    run: async (file, args, options) => {
      options.signal?.throwIfAborted();
      const call = { file, args, options, detached: false };
      processes.calls.push(call);
      const result = await ask(call);
      const accepted = options.acceptExitCodes ?? [];
      if (result.exitCode !== 0 && accepted !== 'any' && !accepted.includes(result.exitCode)) {
        throw new MachineError('program-failed', `${file} ended with exit code ${result.exitCode}.`, {
          facts: { program: file, ...result },
        });
      }
      return result;
    },
    runAttached: async (file, args) => {
      const call = { file, args, options: {}, detached: false };
      processes.calls.push(call);
      return (await ask(call)).exitCode;
    },
    find: async (program) => {
      if (!answers.has(nameOf(program))) {
        return undefined;
      }
      return paths.isAbsolute(program)
        ? program
        : paths.join(platform === 'win32' ? 'C:\\Programs' : '/usr/bin', program);
    },
    spawnDetached: async (file, args, options) => {
      lastPid += 1;
      const pid = lastPid;
      const call = { file, args, options, detached: true, pid };
      processes.calls.push(call);
      await ask(call);
      processes.running.set(pid, `boot/${pid}`);
      return { pid, startTime: `boot/${pid}` };
    },
    startPiped: async (file, args, { env = {} }) => {
      processes.calls.push({ file, args, options: { env }, detached: false });
      return processes.onStartPiped(file, args, env);
    },
    onStartPiped: (file) => {
      throw new MachineError('program-missing', `The program ${file} was not found.`, {
        facts: { program: file },
      });
    },
    identify: async (pid) => {
      const startTime = processes.running.get(pid);
      return startTime === undefined ? undefined : { pid, startTime };
    },
    isAlive: async ({ pid, startTime }) => processes.running.get(pid) === startTime,
    signal: async ({ pid, startTime }, signal) => {
      if (processes.running.get(pid) !== startTime) {
        return false;
      }
      processes.signals.push(`${signal} ${pid}`);
      const ends =
        signal === 'SIGKILL' ||
        ((signal === 'SIGTERM' || signal === 'SIGINT') && !processes.ignoreTermination);
      if (ends) {
        processes.running.delete(pid);
      }
      return true;
    },
  };
  return processes;
}
