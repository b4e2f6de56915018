import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { findVBoxManage } from './find.ts';
import { parseFault, type VBoxFault } from './output.ts';

/** What a call left behind; `fault` when it did not do what it was asked for. */
export interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  readonly fault?: VBoxFault;
}

/** VBoxManage of this computer. */
export interface VBoxManage {
  readonly program: string;
  /** Runs one command; a fault is an answer. @throws MachineError `program-failed` (time-out), `program-missing`. */
  ask(args: readonly string[]): Promise<Answer>;
  /** Runs one command that has to succeed. @throws MachineError `vm-control-failed` (facts: `vbox`, the symbolic code). */
  run(args: readonly string[]): Promise<Answer>;
}

/** A call takes 40 to 400 ms; lists of media were seen to take 10 s, and converting a disk takes as long as its size. */
const timeoutMs = 120_000;

/** While VirtualBox's server starts or ends, or somebody else's call holds the machine, a call is in vain. */
const busyFault = /The object is not ready|is already locked (?:for|by) a session|is being unlocked/i;
const busyPauseMs = 100;
const busyPauseMaxMs = 1000;
const busyTimeoutMs = 10_000;

/**
 * VBoxManage, found where VirtualBox is installed.
 * @throws MachineError `program-missing`.
 */
export async function openVBoxManage(host: Host, signal: AbortSignal): Promise<VBoxManage> {
  const program = await findVBoxManage(host);
  if (program === undefined) {
    throw missingError();
  }
  return connect(host, program, signal);
}

/** The same for a program whose place is known. */
export function connect(host: Host, program: string, signal: AbortSignal): VBoxManage {
  const ask = async (args: readonly string[]): Promise<Answer> => {
    const deadlineMs = host.clock.monotonicMs() + busyTimeoutMs;
    let pauseMs = busyPauseMs;
    for (;;) {
      const answer = await askOnce(host, program, args, signal);
      const isBusy = answer.fault !== undefined && busyFault.test(answer.fault.message);
      // What an unreadable machine answers to its removal is no reason to try again: it is gone.
      if (!isBusy || args[0] === 'unregistervm' || host.clock.monotonicMs() >= deadlineMs) {
        return answer;
      }
      await host.clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, busyPauseMaxMs);
    }
  };
  return {
    program,
    ask,
    run: async (args) => {
      const answer = await ask(args);
      if (answer.fault !== undefined) {
        throw faultError(args, answer.fault);
      }
      return answer;
    },
  };
}

async function askOnce(
  host: Host,
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Answer> {
  const { exitCode, stdout, stderr } = await host.processes.run(program, args, {
    timeoutMs,
    signal,
    acceptExitCodes: 'any',
  });
  // Some commands fail with an exit code of 0.
  const told = parseFault(stderr);
  if (told === undefined && exitCode === 0) {
    return { stdout, stderr };
  }
  const unsaid = { message: `VBoxManage ended with exit code ${exitCode}.`, code: '' };
  return { stdout, stderr, fault: told ?? unsaid };
}

/** True when the fault is that there is no such machine. */
export function isNotFound({ message, code }: VBoxFault): boolean {
  return code === 'VBOX_E_OBJECT_NOT_FOUND' || message.startsWith('Could not find a registered machine');
}

/** True when the fault is that the machine does not run. */
export function isNotRunning({ message }: VBoxFault): boolean {
  return / is not currently running\.$/.test(message);
}

/** The error for a command that VirtualBox refused. */
export function faultError(args: readonly string[], fault: VBoxFault): MachineError {
  return new MachineError('vm-control-failed', `VirtualBox refused "${args[0] ?? ''}": ${fault.message}`, {
    facts: { vbox: fault.code, arguments: [...args] },
  });
}

/** The error for a computer without VirtualBox. */
export function missingError(): MachineError {
  return new MachineError(
    'program-missing',
    'VBoxManage not found. Make sure VirtualBox is installed and VBoxManage is in the path',
    {
      remedies: ['Install VirtualBox: https://www.virtualbox.org/wiki/Downloads'],
      facts: { program: 'VBoxManage' },
    },
  );
}
