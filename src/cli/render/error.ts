import { errorCodes } from '../../core/codes.ts';
import { isMachineError, MachineError, messageOf, systemCode } from '../../core/errors.ts';
import type { CommandDefinition, CommandFlag } from '../definitions.ts';
import { inTheNameOf } from '../in-the-name-of.ts';
import type { Io } from '../io.ts';
import { printable, printableLines, redact } from './text.ts';

/** What is known of a run when something goes wrong in it. */
export interface ErrorContext {
  readonly io: Io;
  readonly command: CommandDefinition | undefined;
  /** Flags that the command line could have had. */
  readonly flags: readonly CommandFlag[];
  /** The driver that the command line names; its flags are in its help. */
  readonly driver?: string | undefined;
  readonly json: boolean;
  readonly debug: boolean;
  readonly secrets: readonly string[];
  /** The one machine that the command is about; stands for NAME in advice. */
  readonly machine: string | undefined;
}

/** Causes are followed so far; a longer chain is a loop. */
const causesMax = 8;

/**
 * Prints what was thrown on stderr, as what / why / try or as a JSON object, and returns the exit code.
 * Several errors (AggregateError) are printed one after the other; they share one exit code or it is 1.
 */
export async function reportError(error: unknown, context: ErrorContext): Promise<number> {
  const errors = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const codes = new Set<number>();
  for (const each of errors) {
    const known = isMachineError(each) ? each : asMachineError(each);
    const remedies = await remediesOf(known, context);
    const lines = context.json ? [toJson(known, remedies)] : toLines(known, remedies, context);
    const text = context.debug ? [...lines, ...stackOf(each)] : lines;
    context.io.stderr.write(redact(`${text.join('\n')}\n`, context.secrets));
    codes.add(known.exitCode);
  }
  const [first = 1] = codes;
  return codes.size === 1 ? first : 1;
}

/** The error as people read it: what happened [code], why, and what to try. */
function toLines(error: MachineError, remedies: readonly string[], { io }: ErrorContext): string[] {
  if (io.program === 'docker-machine') {
    return toCompatibleLines(error, remedies, io);
  }
  const [what = '', ...more] = printableLines(sentenceOf(error));
  return [
    `error: ${what} [${error.code}]`,
    ...more.map((line) => `  ${line.trim()}`),
    ...adviceLines(error, remedies, io),
  ];
}

/** Sentences about arguments before which docker-machine does not say "Error: ". */
const unprefixed = /^(Invalid command line|Improper number of arguments|Error\b)/;

/**
 * docker-machine's own sentences, which its callers match. Reasons and advice are added on a terminal, and for
 * faults outside the machine, where docker-machine has the reason in its sentence as well.
 */
function toCompatibleLines(error: MachineError, remedies: readonly string[], io: Io): string[] {
  const sentence = inTheNameOf(io, sentenceOf(error));
  const isAboutArguments = error.code === 'arguments-invalid' && !unprefixed.test(sentence);
  const lines = `${isAboutArguments ? 'Error: ' : ''}${sentence}`.split(/\r?\n/).map(printable);
  const { fault } = errorCodes[error.code];
  const isComplete =
    fault === 'usage' || fault === 'machine' || error.exitCode === 3 || error.facts['complete'] === true;
  return io.stderr.isTTY !== true && isComplete ? lines : [...lines, ...adviceLines(error, remedies, io)];
}

function adviceLines(error: MachineError, remedies: readonly string[], io: Io): string[] {
  const reasons = [...(error.why === undefined ? [] : [error.why]), ...causesOf(error)];
  return [
    ...reasons.map((reason) => `why: ${printable(inTheNameOf(io, reason.trim()))}`),
    ...remedies.map((remedy) => `try: ${printable(remedy)}`),
  ];
}

/** A machine that is not there is said in docker-machine's words, which are advice as well. */
function sentenceOf(error: MachineError): string {
  return isMissingMachine(error)
    ? `${error.message} Use "tsmachine ls" to list machines. Use "tsmachine create" to add a new one.`
    : error.message;
}

function isMissingMachine({ code, message }: MachineError): boolean {
  return code === 'machine-not-found' && message.endsWith('does not exist.');
}

function toJson(error: MachineError, remedies: readonly string[]): string {
  return JSON.stringify({
    error: {
      code: error.code,
      fault: errorCodes[error.code].fault,
      message: error.message,
      ...(error.why === undefined ? {} : { why: error.why }),
      causes: causesOf(error),
      remedies,
      facts: error.facts,
      exitCode: error.exitCode,
    },
  });
}

/** Messages of the cause chain that say something which was not said yet. */
function causesOf(error: MachineError): string[] {
  const said = [error.message, error.why ?? ''];
  const causes: string[] = [];
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && cause !== null && depth < causesMax; depth += 1) {
    const message = messageOf(cause);
    if (message !== '' && !said.some((text) => text.includes(message))) {
      causes.push(message);
      said.push(message);
    }
    const why = isMachineError(cause) ? cause.why : undefined;
    if (why !== undefined && !said.includes(why)) {
      causes.push(why);
      said.push(why);
    }
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}

/** What to do: what the error says, with the nearest known word for a typing mistake. */
async function remediesOf(error: MachineError, context: ErrorContext): Promise<string[]> {
  const { io, command } = context;
  if (error.code === 'command-unknown') {
    const word = textFact(error, 'word');
    const { suggestCommand } = await import('../help.ts');
    const near = word === undefined ? undefined : await suggestCommand(word, textFact(error, 'group'));
    return [
      ...(near === undefined ? [] : [`Did you mean "${io.program} ${near}"?`]),
      `Run "${io.program} --help" to see the commands.`,
    ];
  }
  const driver = context.driver === undefined ? [] : ['-d', context.driver];
  const seeHelp = [io.program, ...(command === undefined ? [] : [command.name, ...driver]), '--help'].join(
    ' ',
  );
  if (error.code === 'flag-unknown') {
    const flag = textFact(error, 'flag');
    const { suggest } = await import('../help.ts');
    const names = context.flags.filter((each) => each.hidden !== true).map((each) => each.name);
    const near = flag === undefined ? undefined : await suggest(flag, names);
    return [...(near === undefined ? [] : [`Did you mean --${near}?`]), `Run "${seeHelp}" to see the flags.`];
  }
  const isDefault = error.remedies === errorCodes[error.code].remedies;
  if (isDefault && (error.code === 'flag-invalid' || error.code === 'arguments-invalid')) {
    return error.exitCode === 2
      ? [`Run "${seeHelp}" for help.`]
      : [`Run "${io.program} ls" to see the machines, and give a name.`];
  }
  if (isMissingMachine(error) && isDefault) {
    return [];
  }
  const { machine } = context;
  return error.remedies
    .map((remedy) => inTheNameOf(io, remedy))
    .map((remedy) => (machine === undefined ? remedy : remedy.replace(/\bNAME\b/g, machine)));
}

/** Something that is not ours: a system error says what happened, anything else is a fault of the program. */
function asMachineError(error: unknown): MachineError {
  if (error instanceof Error && error.name === 'AbortError') {
    return new MachineError('interrupted', 'Interrupted.');
  }
  const message = messageOf(error);
  // Errors of the system have codes like ENOSPC; those of Node itself begin with ERR_.
  if (!/^E(?!RR_)[A-Z0-9]+$/.test(systemCode(error) ?? '')) {
    return new MachineError('bug', `Something unexpected happened: ${message}`, { cause: error });
  }
  return new MachineError('host-not-ready', message, { remedies: [] });
}

function textFact(error: MachineError, name: string): string | undefined {
  const value = error.facts[name];
  return typeof value === 'string' ? value : undefined;
}

function stackOf(error: unknown): string[] {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return printableLines(stack).map((line) => `debug: ${line}`);
}
