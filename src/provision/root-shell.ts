import { MachineError } from '../core/errors.ts';
import { capture } from '../ssh/exec.ts';
import type { CommandOutput, SshConnection } from '../ssh/types.ts';
import { progressMark } from './long-script.ts';

/**
 * Starts a shell as root where that needs no password, else as the user, and has it read its script from its input: values
 * and keys never stand in a command line, where every user of the host could read them. A login shell of any kind
 * takes this line.
 */
export const rootShellCommand =
  `sh -c 'if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; ` +
  `then exec sudo -n sh -s; else exec sh -s; fi'`;

/** What is longer is nothing for people. */
const progressSizeMax = 500;

/** How a script is run. */
export interface ScriptOptions {
  /** For errors: "installing the engine". */
  readonly label: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Gets what the script has for the user, line by line, while it works. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** Runs scripts on one host, all over the same connection. */
export interface RootShell {
  /** Runs a script to its end, whatever its exit code. @throws MachineError `timeout`, `ssh-failed`. */
  run(script: string, options: ScriptOptions): Promise<CommandOutput>;
  /** The same. @throws MachineError `provision-failed` with the end of what it said, when the exit code is not 0. */
  require(script: string, options: ScriptOptions): Promise<CommandOutput>;
}

/** A root shell over a connection. */
export function createRootShell(connection: Pick<SshConnection, 'exec'>): RootShell {
  const run: RootShell['run'] = (script, { label, timeoutMs, signal, onProgress }) =>
    capture(connection, rootShellCommand, {
      stdin: framedScript(script),
      label,
      timeoutMs,
      signal,
      ...(onProgress === undefined ? {} : { onStdout: progressReader(onProgress) }),
    });
  return {
    run,
    require: async (script, options) => {
      const output = await run(script, options);
      if (output.exitCode !== 0) {
        throw scriptError(output, options.label);
      }
      return output;
    },
  };
}

/** Takes output as it comes, and passes on the lines that are for the user. */
function progressReader(onProgress: (text: string) => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    const lines = `${rest}${chunk.toString('utf8')}`.split('\n');
    rest = (lines.pop() ?? '').slice(0, progressSizeMax);
    for (const line of lines.filter((one) => one.startsWith(progressMark))) {
      onProgress(line.slice(progressMark.length, progressSizeMax).replace(/\p{Cc}+/gu, ' '));
    }
  };
}

/**
 * The shell reads the whole of a compound command before it runs any of it, so a script that was cut on its way does
 * nothing; and no program in it reads the rest of the script as its input.
 */
export function framedScript(script: string): string {
  return `export LC_ALL=C\n{\n${script}\nexit $?\n} </dev/null\n`;
}

/** What a failed script said last, as an error. */
export function scriptError(output: CommandOutput, label: string): MachineError {
  const said = lastLines(output.stderr) || lastLines(output.stdout);
  const end =
    output.exitCode === undefined ? `signal ${output.signal ?? '?'}` : `exit code ${output.exitCode}`;
  return new MachineError('provision-failed', `This failed on the host: ${label}.`, {
    why: said === '' ? `It ended with ${end} and said nothing.` : `It ended with ${end}. ${said}`,
    facts: { exitCode: output.exitCode },
  });
}

function lastLines(text: string): string {
  return text
    .trim()
    .split('\n')
    .slice(-8)
    .join(' | ')
    .replace(/\p{Cc}+/gu, ' ')
    .slice(-900);
}
