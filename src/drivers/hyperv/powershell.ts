import { isMachineError, MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { findPowerShell, powerShellArguments } from '../windows-powershell.ts';
import { faultError } from './failures.ts';
import { parseAnswer, type Answer } from './output.ts';
import { scriptText, type Script } from './scripts/script.ts';

/** PowerShell of this computer. */
export interface PowerShell {
  /**
   * Carries out one operation; a fault is an answer.
   * @throws MachineError `vm-control-failed` when PowerShell says nothing that can be read, `program-failed` (time-out).
   */
  ask(script: Script, options?: AskOptions): Promise<Answer>;
  /** Carries out one operation that has to succeed. @throws MachineError what `faultError` makes of a fault. */
  run(script: Script, options?: AskOptions): Promise<unknown>;
}

/** How one operation is carried out. */
export interface AskOptions {
  readonly timeoutMs?: number;
}

/** An operation takes 1 to 5 s; the first one after a start of Windows was seen to take half a minute. */
const defaultTimeoutMs = 120_000;

/** PowerShell, found where it is. @throws MachineError `program-missing`. */
export async function openPowerShell(host: Host, signal: AbortSignal): Promise<PowerShell> {
  const program = await findPowerShell(host);
  if (program === undefined) {
    throw missingError();
  }
  return connect(host, program, signal);
}

/** The same for a program whose place is known. */
export function connect(host: Host, program: string, signal: AbortSignal): PowerShell {
  const ask: PowerShell['ask'] = async (script, { timeoutMs = defaultTimeoutMs } = {}) => {
    const { exitCode, stdout, stderr } = await host.processes.run(
      program,
      powerShellArguments(scriptText(script)),
      { timeoutMs, signal, acceptExitCodes: 'any' },
    );
    const answer = parseAnswer(stdout);
    if (answer === undefined) {
      throw new MachineError(
        'vm-control-failed',
        `PowerShell gave no answer to "${script.operation}" (exit code ${exitCode}).`,
        {
          ...(stderr.trim() === '' ? {} : { why: stderr.trim().slice(0, 500) }),
          remedies: [
            'Look whether "powershell.exe -NoProfile" starts at all, and what a virus scanner says of it.',
          ],
        },
      );
    }
    return answer;
  };
  return {
    ask,
    run: async (script, askOptions) => {
      const answer = await ask(script, askOptions);
      if (answer.fault !== undefined) {
        throw faultError(answer.fault, script.operation);
      }
      return answer.value;
    },
  };
}

/** True for the error of an operation that did not end in time. */
export function isTimeout(error: unknown): boolean {
  return isMachineError(error) && error.code === 'program-failed' && error.facts['exitCode'] === undefined;
}

/** The error for a computer without PowerShell, which is one without Windows. */
export function missingError(): MachineError {
  return new MachineError('program-missing', 'Powershell was not found in the path', {
    why: 'Hyper-V is a part of Windows and is controlled by Windows PowerShell.',
    remedies: ['Use another driver: tsmachine create -d qemu NAME'],
    facts: { program: 'powershell.exe' },
  });
}
