import { reviveAgent } from '../../agent/control.ts';
import { isMachineError, MachineError } from '../../core/errors.ts';
import type { OpenMachine } from '../../machine/open.ts';
import type { ShellStreams } from '../../machine/shell.ts';
import type { Call } from '../call.ts';
import type { Io } from '../io.ts';
import { wantsNativeSsh } from '../native-ssh.ts';
import { rephrased } from '../rephrase.ts';

/** What stands behind `ssh`. */
interface SshLine {
  readonly name: string | undefined;
  readonly command: readonly string[];
  /** -t: a terminal also for a command, when there is one here; -tt: in any case; -T: none for a shell either. */
  readonly terminal: 'here' | 'always' | 'never' | undefined;
}

/**
 * `ssh [name] [options of ssh] [command...]`: a shell on the machine, or a command; ends with the remote exit code. The ssh
 * program does it where there is one, so that all of its options can be used.
 */
export default async function ssh(call: Call<'ssh'>): Promise<number> {
  const { io, args } = call;
  if (/^--?h(elp)?$/.test(args[0] ?? '')) {
    const { commandHelp } = await import('../help.ts');
    call.print(
      await commandHelp({ command: call.command }, { program: io.program, columns: io.stdout.columns }),
    );
    return 0;
  }
  const { name, words } = splitName(args);
  try {
    const { openForSsh, runSshProgram } = await import('../../machine/ssh-program.ts');
    const machine = await openForSsh(call.session, name ?? 'default');
    await reviveAgent(call.session, machine.name);
    const isNative = wantsNativeSsh(call) || (await io.host.processes.find('ssh')) === undefined;
    return await (isNative ? sshNatively(call, machine) : runSshProgram(call.session, machine, words));
  } catch (error) {
    throw inOldWords(io, name === undefined ? call.withoutDefault(error) : error);
  }
}

/** The same with the client that is built in. */
async function sshNatively({ io, args, session }: Call<'ssh'>, machine: OpenMachine): Promise<number> {
  const { command, terminal } = readSshLine(args);
  const { stdin, stdout, stderr } = io;
  const isTty = stdin.isTTY === true;
  const streams: ShellStreams = {
    stdin,
    stdout,
    stderr,
    ...(terminal === undefined ? {} : { terminal: terminal === 'always' || (terminal === 'here' && isTty) }),
  };
  const { runRemote } = await import('../../machine/shell.ts');
  try {
    return await runRemote(session, machine, command, streams);
  } finally {
    // A stream that is still read would keep the process alive.
    stdin.pause();
  }
}

/** docker-machine has this word in the text itself. */
function inOldWords(io: Io, error: unknown): unknown {
  return io.program === 'docker-machine' && isMachineError(error) && error.code === 'machine-not-running'
    ? rephrased(error, (message) => `Error: ${message}`)
    : error;
}

/** The machine's name, which comes first or is missing, and what stands behind it. @throws MachineError `arguments-invalid`. */
function splitName(args: readonly string[]): {
  readonly name: string | undefined;
  readonly words: readonly string[];
} {
  const [first, ...rest] = args;
  if (first === undefined || first === '--') {
    return { name: undefined, words: args };
  }
  if (first.startsWith('-')) {
    throw new MachineError('arguments-invalid', `The name of the machine comes first, and ${first} is none.`);
  }
  return { name: first, words: rest };
}

/**
 * Takes apart what stands behind `ssh` for the client that is built in: the name, options of the ssh program that mean something here (-t, -T) or
 * change nothing (compression, quiet, address family), and the command as typed. `--` ends name or options and is dropped.
 * @throws MachineError `arguments-invalid` for other options of the ssh program.
 */
export function readSshLine(args: readonly string[]): SshLine {
  const { name, words } = splitName(args);
  let terminal: SshLine['terminal'];
  for (const [index, word] of words.entries()) {
    if (word === '--') {
      return { name, command: words.slice(index + 1), terminal };
    }
    if (!word.startsWith('-') || word === '-') {
      return { name, command: words.slice(index), terminal };
    }
    if (!/^-[46aCqtTvx]+$/.test(word)) {
      throw new MachineError(
        'arguments-invalid',
        `The option ${word} of the ssh program is not known here.`,
        {
          why: 'The client that is built in does not have it.',
          remedies: [
            'Install the ssh program, and do not ask for --native-ssh.',
            'If it belongs to the remote command, put -- before the command.',
          ],
        },
      );
    }
    const isForced = word.includes('tt') || (word.includes('t') && terminal === 'here');
    const wish = word.includes('t') ? 'here' : word.includes('T') ? 'never' : terminal;
    terminal = isForced ? 'always' : wish;
  }
  return { name, command: [], terminal };
}
