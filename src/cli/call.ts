import type { Session } from '../machine/session.ts';
import type { CommandName, OptionsOf } from './commands.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';
import type { Io } from './io.ts';

/** One call of some command. */
export interface AnyCall {
  readonly io: Io;
  readonly session: Session;
  readonly command: CommandDefinition;
  /** The arguments in the order in which they were written. */
  readonly args: readonly string[];
  /** Everything behind the program's name, as typed. */
  readonly argv: readonly string[];
  /** True when the name `default` stands in for names that were not given. */
  readonly defaulted: boolean;
  /** Where everything goes that is no answer: stderr, or stdout when called as docker-machine. */
  readonly people: Io['stderr'];
  /** Writes the answer: the text and a line end to stdout. */
  print(text: string): void;
  /** Writes a line for people. */
  inform(text: string): void;
  /** What to throw when the machine `default` stood in for a name and there is none. */
  withoutDefault(error: unknown): unknown;
  /** Prints an error without ending the command; resolves to the exit code that it stands for. */
  report(error: unknown): Promise<number>;
  /** Makes sure that this text never appears in a message. */
  hide(secret: string): void;
  /** The flags that this command line can have, with the driver that some of them are of, for the advice after a mistake. */
  expectFlags(flags: readonly CommandFlag[], driver?: string): void;
  /** The command line (without the program) to print when a second interrupt ends the program at once. */
  recoverWith(commandLine: string): void;
}

/** One call of a command, as its verb gets it. */
export interface Call<Name extends CommandName> extends AnyCall {
  /** Values of the command's flags: given, from the environment, or default. */
  readonly options: OptionsOf<Name>;
}

/** A command's behaviour. Resolves to the exit code. */
export type Verb<Name extends CommandName> = (call: Call<Name>) => Promise<number>;
