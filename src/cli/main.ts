import { isMachineError, MachineError } from '../core/errors.ts';
import type { FlagValues } from '../drivers/driver.ts';
import { resolveStorePath } from '../store/paths.ts';
import { createSession, type Session } from '../machine/session.ts';
import type { Call, Verb } from './call.ts';
import { commands, globalFlags, helpFlag, verbs, type CommandName, type OptionsOf } from './commands.ts';
import type { CommandDefinition, CommandFlag } from './definitions.ts';
import { noteIdleFlags } from './idle-flags.ts';
import type { Io } from './io.ts';
import { resolveFlags, tokenize, unknownCommand } from './parse.ts';
import type { ErrorContext } from './render/error.ts';
import type { Renderer } from './render/renderer.ts';
import { requireStoreCertificates } from './store-certificates.ts';

/** One command line on its way, and what is known of it by now. */
interface Run extends ErrorContext {
  readonly argv: readonly string[];
  readonly abort: AbortController;
  readonly secrets: string[];
  command: CommandDefinition | undefined;
  machine: string | undefined;
  flags: readonly CommandFlag[];
  driver: string | undefined;
  globals: FlagValues;
  json: boolean;
  debug: boolean;
  /** A first interrupt asks the command to roll back; without this it ends the program. */
  rollsBack: boolean;
  /** A first interrupt asks the command to end. */
  endsOnInterrupt: boolean;
  /** What to type after a second interrupt. */
  recovery: string;
  renderer: Renderer | undefined;
  session: Session | undefined;
}

/** What a verb is called with, besides the run. */
interface Words {
  readonly args: readonly string[];
  readonly options?: FlagValues;
  readonly defaulted?: boolean;
}

/** The program: reads the arguments of this process and resolves to its exit code. */
export async function main(): Promise<number> {
  const { createHost } = await import('../host/real.ts');
  const { stdout, stderr } = process;
  const ignoreClosed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
  };
  stdout.on('error', ignoreClosed);
  stderr.on('error', ignoreClosed);
  return run(process.argv.slice(2), {
    program: /(^|[/\\])docker-machine(\.[a-z]+)?$/i.test(process.argv[1] ?? '')
      ? 'docker-machine'
      : 'tsmachine',
    host: createHost(),
    // Opened when it is first looked at: most commands read nothing.
    get stdin() {
      return process.stdin;
    },
    stdout,
    stderr,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener).on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener).off('SIGTERM', listener);
      };
    },
    onOutputClosed: (listener) => {
      stdout.on('error', listener);
    },
    exitNow: (code) => {
      process.exit(code);
    },
  });
}

/**
 * One command line from its arguments to its exit code. Never throws; what goes wrong is printed.
 * @param argv Everything behind the program's name.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const current: Run = {
    argv,
    io,
    abort: new AbortController(),
    secrets: [],
    command: undefined,
    machine: undefined,
    flags: globalFlags,
    driver: undefined,
    globals: {},
    json: false,
    debug: false,
    rollsBack: false,
    endsOnInterrupt: false,
    recovery: argv.join(' '),
    renderer: undefined,
    session: undefined,
  };
  const stopListening = listen(current);
  try {
    return await dispatch(current);
  } catch (error) {
    const code = await report(current, error);
    return current.abort.signal.aborted ? 130 : code;
  } finally {
    await current.session?.close();
    current.renderer?.close();
    stopListening();
  }
}

/** The first interrupt of a command that changes something aborts its signal; any other ends the program. */
function listen(current: Run): () => void {
  const { io, abort } = current;
  io.onOutputClosed(() => {
    if (!current.rollsBack) {
      io.exitNow(0);
    }
  });
  return io.onInterrupt(() => {
    if ((current.rollsBack || current.endsOnInterrupt) && !abort.signal.aborted) {
      abort.abort(new MachineError('interrupted', 'Interrupted.'));
      current.renderer?.line('Interrupted: cleaning up. Interrupt again to stop at once.');
      return;
    }
    current.renderer?.close();
    if (current.rollsBack) {
      io.stderr.write(`To go on: ${io.program} ${current.recovery}\n`);
    }
    io.exitNow(130);
  });
}

async function report(current: Run, error: unknown): Promise<number> {
  const { reportError } = await import('./render/error.ts');
  current.renderer?.close();
  return reportError(error, current);
}

async function dispatch(current: Run): Promise<number> {
  const { argv, io } = current;
  const { env } = io.host.facts;
  const { given, globals, words } = await withUsage(current, undefined, () => {
    const before = tokenize(globalFlags, argv, { stopAtArgument: true });
    const { given, end } = before;
    return { given, globals: resolveFlags(globalFlags, given, env), words: argv.slice(end) };
  });
  current.globals = globals;
  // docker-machine looks for it everywhere. What is to be completed is somebody else's command line.
  const isAnywhere = words[0] !== 'completion' && argv.some((word) => /^(-D|--?debug)$/.test(word));
  current.debug = globals['debug'] === true || isAnywhere;
  current.secrets.push(...secretsOf(globals));
  if (current.debug) {
    const { shownVersion } = await import('./program-version.ts');
    io.stderr.write(`Docker Machine Version:  ${await shownVersion(io.host, io.program)}\n`);
  }
  if (globals['version'] === true) {
    return callVerb(current, 'version', { args: [] });
  }
  if (globals['help'] === true || words.length === 0) {
    return callVerb(current, 'help', { args: words.slice(0, 1) });
  }
  const { command, rest } = findCommand(words);
  current.command = command;
  noteIdleFlags(io, command, given);
  current.json = rest.some((word) => /^--?json(=true)?$/.test(word));
  if (command.name === 'create') {
    requireStoreCertificates(storePathOf(current), globals);
  }
  if (command.unparsed === true) {
    return callVerb(current, command.name, { args: rest });
  }
  current.flags = [...command.flags, helpFlag];
  const { args, options } = await withUsage(current, command, () => {
    const tokens = tokenize(current.flags, rest);
    return { args: tokens.args, options: resolveFlags(current.flags, tokens.given, env) };
  });
  if (options['help'] === true) {
    return callVerb(current, 'help', { args: [command.name] });
  }
  const names = await namesOrHelp(current, command, args);
  current.machine = names?.length === 1 ? names[0] : undefined;
  return callVerb(current, command.name, {
    args: names ?? ['default'],
    options,
    defaulted: names === undefined,
  });
}

/** Reads something of the command line; docker-machine shows the help when that fails. */
async function withUsage<T>({ io }: Run, command: CommandDefinition | undefined, read: () => T): Promise<T> {
  try {
    return read();
  } catch (error) {
    const { showIncorrectUsage } = await import('./usage.ts');
    await showIncorrectUsage(io, error, () => helpFor(io, command));
    throw error;
  }
}

async function namesOrHelp(
  { io }: Run,
  command: CommandDefinition,
  args: readonly string[],
): Promise<readonly string[] | undefined> {
  try {
    return namesOf(command, args);
  } catch (error) {
    if (command.helpOnMisuse === true && io.program === 'docker-machine') {
      io.stdout.write(`${await helpFor(io, command)}\n`);
    }
    throw error;
  }
}

/** The help of a command, or without one the general help. */
async function helpFor(io: Io, command: CommandDefinition | undefined): Promise<string> {
  const { commandHelp, generalHelp } = await import('./help.ts');
  const options = { program: io.program, columns: io.stdout.columns };
  if (command !== undefined) {
    return commandHelp({ command }, options);
  }
  const { shownVersion } = await import('./program-version.ts');
  return generalHelp({ ...options, version: await shownVersion(io.host, io.program) });
}

/** @throws MachineError `command-unknown`. */
function findCommand(words: readonly string[]): { command: Command; rest: readonly string[] } {
  const [first = '', second = ''] = words;
  const name = first === 'h' ? 'help' : first;
  const found =
    commands.find((each) => each.name === name) ?? commands.find((each) => each.name === `${name} ${second}`);
  if (found !== undefined) {
    return { command: found, rest: words.slice(found.name.split(' ').length) };
  }
  const isGroup = commands.some((each) => each.name.startsWith(`${name} `));
  if (isGroup && (second === '' || second.startsWith('-'))) {
    return { command: commandNamed('help'), rest: [name] };
  }
  throw unknownCommand(isGroup ? { word: second, group: name } : { word: first });
}

type Command = (typeof commands)[number];

function commandNamed(name: CommandName): Command {
  return commands.find((command) => command.name === name) as Command;
}

/** The names, or undefined when the machine `default` stands in. @throws MachineError `arguments-invalid`. */
function namesOf({ arity }: CommandDefinition, args: readonly string[]): readonly string[] | undefined {
  if (arity === 'none' && args.length > 0) {
    throw new MachineError('arguments-invalid', 'Too many arguments given');
  }
  if ((arity === 'optional' || arity === 'one-or-default') && args.length > 1) {
    throw new MachineError('arguments-invalid', 'Expected one machine name as an argument');
  }
  if (arity === 'many' && args.length === 0) {
    throw new MachineError('arguments-invalid', 'Expected to get one or more machine names as arguments');
  }
  if (arity.endsWith('-or-default') && args.length === 0) {
    return undefined;
  }
  return arity === 'first-or-default' ? args.slice(0, 1) : args;
}

/** Loads a verb and gives it what it works with. */
async function callVerb(current: Run, name: CommandName, words: Words): Promise<number> {
  const { io } = current;
  const command = commandNamed(name);
  current.endsOnInterrupt = command.endsOnInterrupt === true;
  if (command.progress === true) {
    current.rollsBack = true;
    const { createRenderer } = await import('./render/renderer.ts');
    current.renderer = await createRenderer({ ...current, host: io.host, stream: peopleOf(io) });
  }
  const verb = (await verbs[name]()).default as Verb<CommandName>;
  try {
    return await verb(createCall(current, command, words));
  } catch (error) {
    throw words.defaulted === true ? withoutDefault(error) : error;
  }
}

function createCall(current: Run, command: CommandDefinition, words: Words): Call<CommandName> {
  const { io } = current;
  const people = peopleOf(io);
  const session = openSession(current);
  current.session = session;
  return {
    io,
    session,
    command,
    options: (words.options ?? {}) as OptionsOf<CommandName>,
    args: words.args,
    argv: current.argv,
    defaulted: words.defaulted === true,
    people,
    print: (text) => {
      const write = (): void => {
        io.stdout.write(`${text}
`);
      };
      if (current.renderer === undefined) {
        write();
      } else {
        current.renderer.aside(write);
      }
    },
    inform: (text) => {
      if (current.renderer === undefined) {
        people.write(`${text}
`);
      } else {
        current.renderer.line(text);
      }
    },
    withoutDefault,
    report: async (error) => report(current, error),
    hide: (secret) => {
      current.secrets.push(secret);
    },
    expectFlags: (flags, driver) => {
      current.flags = flags;
      current.driver = driver;
    },
    recoverWith: (line) => {
      current.recovery = line;
    },
  };
}

function storePathOf({ io, globals }: Run): string {
  const given = globals['storage-path'];
  return resolveStorePath(io.host.facts, typeof given === 'string' ? given : undefined);
}

function openSession(current: Run): Session {
  const { io } = current;
  return createSession({
    host: io.host,
    storePath: storePathOf(current),
    signal: current.abort.signal,
    emit: (event) => {
      if (event.type === 'debug' && !current.debug) {
        return;
      }
      if (current.renderer !== undefined) {
        current.renderer.show(event);
      } else if (current.debug) {
        io.stderr.write(`debug: ${JSON.stringify(event)}\n`);
      }
    },
  });
}

function peopleOf(io: Io): Io['stderr'] {
  return io.program === 'docker-machine' ? io.stdout : io.stderr;
}

function secretsOf(globals: FlagValues): string[] {
  const values = globalFlags.filter(({ secret }) => secret === true).map(({ name }) => globals[name]);
  return values.filter((value) => typeof value === 'string');
}

function withoutDefault(error: unknown): unknown {
  if (!isMachineError(error) || error.code !== 'machine-not-found') {
    return error;
  }
  const text = 'No machine name(s) specified and no "default" machine exists';
  return new MachineError('arguments-invalid', text, { exitCode: 1 });
}
