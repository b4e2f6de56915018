import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { addToNoProxy, removeFromNoProxy } from '../no-proxy.ts';
import { detectShell } from '../shells/detect.ts';
import type { Shell } from '../shells/shell.ts';
import { loadShell } from '../shells/table.ts';

const variables = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'];
const windowsVariable = 'COMPOSE_CONVERT_WINDOWS_PATHS';

const unknownShellAdvice =
  "The default lines below are for a sh/bash shell, you can specify the shell you're using, with the --shell flag.\n";

/** A variable and its value; undefined removes it. */
type Assignment = readonly [variable: string, value: string | undefined];

/** `env [name]`: lines that make the Docker client of a shell use the machine. */
export default async function env(call: Call<'env'>): Promise<number> {
  const { options, args } = call;
  const isUnset = options.unset === true;
  if (isUnset && args.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected no machine name when the -u flag is present');
  }
  if (args.length > 1) {
    throw new MachineError('arguments-invalid', 'Expected one machine name as an argument');
  }
  // The shell first: a mistake in it is known without a connection.
  const shell = options.json === true ? undefined : await chooseShell(call);
  const assignments = isUnset ? unsetAll(call) : await setAll(call, args[0]);
  call.print(shell === undefined ? toJson(assignments) : toLines(call, shell, assignments).join('\n'));
  return 0;
}

async function setAll(call: Call<'env'>, machine: string | undefined): Promise<Assignment[]> {
  const { connect } = await import('../connect.ts');
  const { name, url, certDirectory, address } = await connect(
    call,
    machine ?? 'default',
    'Error checking TLS connection',
  ).catch((error: unknown) => {
    throw machine === undefined ? call.withoutDefault(error) : error;
  });
  const { facts } = call.io.host;
  const proxy = addToNoProxy(facts.env, address, call.options['no-proxy'] === true);
  return [
    ['DOCKER_TLS_VERIFY', '1'],
    ['DOCKER_HOST', url],
    ['DOCKER_CERT_PATH', certDirectory],
    ['DOCKER_MACHINE_NAME', name],
    ...(facts.platform === 'win32' ? [[windowsVariable, 'true'] as const] : []),
    ...(proxy === undefined ? [] : [[proxy.variable, proxy.value] as const]),
  ];
}

function unsetAll(call: Call<'env'>): Assignment[] {
  const { facts } = call.io.host;
  const proxy = call.options['no-proxy'] === true ? removeFromNoProxy(facts.env) : undefined;
  const names = facts.platform === 'win32' ? [...variables, windowsVariable] : variables;
  return [
    ...names.map((name): Assignment => [name, undefined]),
    ...(proxy === undefined ? [] : [[proxy.variable, proxy.value] as const]),
  ];
}

/** The shell that was named or is in use; another word gets the lines of sh, as with docker-machine, and a note. */
async function chooseShell(call: Call<'env'>): Promise<Shell> {
  const word = call.options.shell ?? (await detect(call));
  const known = await loadShell(word);
  if (known !== undefined) {
    return known;
  }
  call.io.stderr.write(`Unknown shell ${JSON.stringify(word)}: the lines are those for sh.\n`);
  const { createPosixShell } = await import('../shells/posix.ts');
  return createPosixShell('sh');
}

/**
 * The shell in use. Without SHELL (cron, containers, build servers) the lines are those for sh, which every shell of such
 * places reads; docker-machine gives its advice on stdout and fails.
 */
async function detect(call: Call<'env'>): Promise<string> {
  const shell = await detectShell(call.io.host);
  if (shell !== undefined) {
    return shell;
  }
  if (call.io.program !== 'docker-machine') {
    return 'sh';
  }
  call.print(unknownShellAdvice);
  throw new MachineError('arguments-invalid', 'Unknown shell', {
    why: 'SHELL is not set.',
    remedies: ['Name the shell: --shell bash'],
    exitCode: 1,
  });
}

function toJson(assignments: readonly Assignment[]): string {
  return JSON.stringify(
    Object.fromEntries(assignments.map(([name, value]) => [name, value ?? null])),
    undefined,
    2,
  );
}

function toLines(call: Call<'env'>, shell: Shell, assignments: readonly Assignment[]): string[] {
  const words = [call.io.program, ...call.argv];
  const isHarmless = words.every((word) => /^[\w@%+=:,./~-]+$/.test(word));
  const commandLine = words.map((word) => word.replace(/[^\P{Cc}]/gu, '?')).join(' ');
  const isPlain = assignments.every(([, value]) => value === undefined || !/[\s'"`$\\!*?[\]]/.test(value));
  return [
    ...assignments.map(([name, value]) => (value === undefined ? shell.unset(name) : shell.set(name, value))),
    ...shell.hint(commandLine, { isPlain, isHarmless }),
  ];
}
