import { MachineError } from '../core/errors.ts';

// What no shell gives a meaning of its own, anywhere in a word.
const plainWord = /^[A-Za-z0-9_./:,@+-]+$/;

/**
 * One argument in the syntax of a POSIX shell, to be read back byte for byte. fish takes it the same way,
 * as does csh unless there is a line break in it: what these two read differently inside single quotes (the
 * backslash and the exclamation mark) stands outside them, behind a backslash.
 * @throws MachineError `arguments-invalid` for a NUL, which no argument can hold.
 */
export function quoteArgument(argument: string): string {
  if (argument.includes('\0')) {
    throw new MachineError('arguments-invalid', 'An argument of a remote command contains a NUL character.');
  }
  if (argument === '') {
    return "''";
  }
  if (plainWord.test(argument)) {
    return argument;
  }
  const parts = argument.match(/[^'\\!]+|['\\!]/g) ?? [];
  return parts.map((part) => (/^['\\!]$/.test(part) ? `\\${part}` : `'${part}'`)).join('');
}

/** A command line in which each element of `argv` arrives as one argument. */
export function quoteArgv(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(' ');
}
