import { isMachineError, MachineError } from '../core/errors.ts';
import type { Session } from './session.ts';

/** Long enough for a slow network, and npm has bounds of its own for each request. */
const timeoutMs = 10 * 60 * 1000;

/**
 * What every call has: nothing of a package is run, neither its scripts nor those of what it needs; peers are not
 * installed (the one that counts, tsmachine, is this program); and settings of the user do not move the place.
 */
const always = [
  '--ignore-scripts',
  '--legacy-peer-deps',
  '--omit=dev',
  '--save-exact',
  '--global=false',
  '--no-audit',
  '--no-fund',
  '--no-progress',
  '--loglevel=error',
];

/** The command line that `runNpm` runs, for people. */
export function npmCommand(verb: 'install' | 'pack', spec: string, directory: string): readonly string[] {
  const place = verb === 'install' ? ['--prefix', directory] : ['--json', '--pack-destination', directory];
  // Behind the dashes nothing is an option, whatever it looks like.
  return ['npm', verb, ...always, ...place, '--', spec];
}

/**
 * Runs npm in a directory.
 * @returns what it wrote to stdout
 * @throws MachineError `program-missing`, `program-failed` with npm's own first words.
 */
export async function runNpm(
  session: Session,
  command: readonly string[],
  directory: string,
): Promise<string> {
  const [program = '', ...args] = command;
  try {
    const { stdout } = await session.host.processes.run(program, args, {
      cwd: directory,
      timeoutMs,
      signal: session.signal,
    });
    return stdout;
  } catch (error) {
    throw isMachineError(error) && error.code === 'program-failed' ? withReason(error) : error;
  }
}

/** npm's last line says where its log is; the reason stands above. */
function withReason(error: MachineError): MachineError {
  const { stderr } = error.facts;
  const lines = (typeof stderr === 'string' ? stderr : '')
    .split('\n')
    .map((line) => /^npm (?:error|ERR!) (?!code |A complete log)(.*\S)/.exec(line)?.[1])
    .filter((line) => line !== undefined);
  return new MachineError('program-failed', error.message, {
    why: lines.slice(0, 3).join('; ') || (error.why ?? ''),
    facts: error.facts,
    cause: error.cause,
    remedies: ['Check the name of the package and the connection to the registry of npm.'],
  });
}
