import { MachineError } from '../../core/errors.ts';
import type { ShellStreams } from '../../machine/shell.ts';
import type { Call } from '../call.ts';

/** What stands behind `ssh`. */
interface SshLine {
  readonly name: string | undefined;
  readonly command: readonly string[];
  /** -t: a terminal also for a command, when there is one here; -tt: in any case; -T: none for a shell either. */
  readonly terminal: 'here' | 'always' | 'never' | undefined;
}

/** `ssh [name] [command...]`: a shell on the machine, or a command; ends with the remote exit code. */
export default async function ssh(call: Call<'ssh'>): Promise<number> {
  const { io } = call;
  if (/^--?h(elp)?$/.test(call.args[0] ?? '')) {
    const { commandHelp } = await import('../help.ts');
    call.print(
      await commandHelp({ command: call.command }, { program: io.program, columns: io.stdout.columns }),
    );
    return 0;
  }
  const { name, command, terminal } = readSshLine(call.args);
  const { stdin, stdout, stderr } = io;
  const isTty = stdin.isTTY === true;
  const streams: ShellStreams & { readonly terminal?: boolean } = {
    stdin,
    stdout,
    stderr,
    ...(terminal === undefined ? {} : { terminal: terminal === 'always' || (terminal === 'here' && isTty) }),
  };
  const { runRemote } = await import('../../machine/shell.ts');
  try {
    return await runRemote(call.session, name ?? 'default', command, streams);
  } catch (error) {
    throw name === undefined ? call.withoutDefault(error) : error;
  } finally {
    // A stream that is still read would keep the process alive.
    stdin.pause();
  }
}

/**
 * Takes apart what stands behind `ssh`: the name, options of the ssh program that mean something here (-t, -T) or
 * change nothing (compression, quiet, address family), and the command as typed. `--` ends name or options and is dropped.
 * @throws MachineError `arguments-invalid` for other options of the ssh program.
 */
export function readSshLine(args: readonly string[]): SshLine {
  const [first, ...rest] = args;
  const hasName = first !== undefined && first !== '--';
  if (hasName && first.startsWith('-')) {
    throw new MachineError('arguments-invalid', `The name of the machine comes first, and ${first} is none.`);
  }
  const words = hasName ? rest : args;
  const name = hasName ? first : undefined;
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
          remedies: ['If it belongs to the remote command, put -- before the command.'],
        },
      );
    }
    const isForced = word.includes('tt') || (word.includes('t') && terminal === 'here');
    const wish = word.includes('t') ? 'here' : word.includes('T') ? 'never' : terminal;
    terminal = isForced ? 'always' : wish;
  }
  return { name, command: [], terminal };
}
