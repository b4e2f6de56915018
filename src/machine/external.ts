import { MachineError } from '../core/errors.ts';
import type { Session } from './session.ts';

/** Exit code of a program that an interrupt ended. */
const interruptedCode = 130;

/**
 * The first of these programs that is installed.
 * @param sentence docker-machine's text for its absence
 * @throws MachineError `program-missing`.
 */
export async function requireProgram(
  { host }: Session,
  candidates: readonly [string, ...string[]],
  sentence: string,
): Promise<string> {
  for (const program of candidates) {
    if ((await host.processes.find(program)) !== undefined) {
      return program;
    }
  }
  const [program] = candidates;
  throw new MachineError('program-missing', sentence, {
    remedies: [`Install ${program} and make sure that it is on PATH, then run the command again.`],
    facts: { program, complete: true },
  });
}

/**
 * Runs a program in place of this one, which has said itself what went wrong.
 * @returns 0, or 130 when it was interrupted.
 * @throws MachineError `program-failed` in docker-machine's words.
 */
export async function runOrFail(
  { host }: Session,
  program: string,
  args: readonly string[],
): Promise<number> {
  const exitCode = await host.processes.runAttached(program, args);
  if (exitCode === 0 || exitCode === interruptedCode) {
    return exitCode;
  }
  throw new MachineError('program-failed', `exit status ${exitCode}`, {
    remedies: [`Read what ${program} said above.`],
    facts: { program, exitCode, complete: true },
  });
}
