import test from 'ava';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { errorCodes } from '../../../src/core/codes.ts';
import { MachineError } from '../../../src/core/errors.ts';
import { commands } from '../../../src/cli/commands.ts';
import type { ProgramName } from '../../../src/cli/io.ts';
import { reportError, type ErrorContext } from '../../../src/cli/render/error.ts';

async function report(
  error: unknown,
  given: Partial<ErrorContext> & { readonly program?: ProgramName; readonly isTTY?: boolean } = {},
): Promise<{ code: number; lines: string[]; out: string }> {
  const { program = 'tsmachine', isTTY = false, ...more } = given;
  const io = createFakeIo(createFakeHost(), { program, isTTY });
  const code = await reportError(error, {
    io,
    command: undefined,
    machine: undefined,
    flags: [],
    json: false,
    debug: false,
    secrets: [],
    ...more,
  });
  return { code, lines: io.stderr.text.trimEnd().split('\n'), out: io.stdout.text };
}

test('a mistake in a line that names a driver: the help with its flags is named', async (t) => {
  const command = commands.find(({ name }) => name === 'create');
  const { lines } = await report(new MachineError('flag-invalid', 'no project'), {
    command,
    driver: 'google',
  });
  t.deepEqual(lines, [
    'error: no project [flag-invalid]',
    'try: Run "tsmachine create -d google --help" for help.',
  ]);
});

test('what, why along the causes, what to try; one line each, no terminal codes, no secrets', async (t) => {
  const root = Object.assign(new Error('connect ECONNREFUSED\u001b[31m with s3cret'), {
    code: 'ECONNREFUSED',
  });
  const middle = new MachineError('ssh-failed', 'no connection', { cause: root, why: 'the port is closed' });
  const error = new MachineError('engine-unreachable', 'The engine\n  does not answer.', { cause: middle });
  const { code, lines, out } = await report(error, { secrets: ['s3cret'], machine: 'dev' });
  t.is(code, 1);
  t.is(out, '');
  t.deepEqual(lines, [
    'error: The engine [engine-unreachable]',
    '  does not answer.',
    'why: no connection',
    'why: the port is closed',
    'why: connect ECONNREFUSED\\x1b[31m with ***',
    'try: Run "tsmachine status dev" and "tsmachine logs dev".',
  ]);
});

test('a cause that is said already is not said again, and a loop of causes ends', async (t) => {
  const loop = new Error('round');
  loop.cause = loop;
  const { lines } = await report(new MachineError('bug', 'It went round and round', { cause: loop }));
  t.is(lines.filter((line) => line.startsWith('why')).length, 0);
});

test('JSON', async (t) => {
  const error = new MachineError('machine-exists', 'Docker machine "a" already exists', {
    facts: { name: 'a', token: 's3cret' },
    cause: new Error('the folder is there'),
  });
  const { code, lines } = await report(error, { json: true, secrets: ['s3cret'] });
  t.is(code, 1);
  t.deepEqual(JSON.parse(lines.join('\n')), {
    error: {
      code: 'machine-exists',
      fault: 'machine',
      message: 'Docker machine "a" already exists',
      causes: ['the folder is there'],
      remedies: errorCodes['machine-exists'].remedies,
      facts: { name: 'a', token: '***' },
      exitCode: 1,
    },
  });
});

test("a missing machine is said in docker-machine's words", async (t) => {
  const error = new MachineError('machine-not-found', 'Docker machine "nope" does not exist.');
  const sentence = (program: string): string =>
    `Docker machine "nope" does not exist. Use "${program} ls" to list machines. Use "${program} create" to add a new one.`;
  t.deepEqual((await report(error)).lines, [`error: ${sentence('tsmachine')} [machine-not-found]`]);
  t.deepEqual((await report(error, { program: 'docker-machine' })).lines, [sentence('docker-machine')]);
});

test('called as docker-machine, errors begin like those of docker-machine and name it', async (t) => {
  const ls = commands.find(({ name }) => name === 'ls');
  const many = new MachineError('arguments-invalid', 'Expected one machine name as an argument');
  t.is(
    (await report(many, { program: 'docker-machine' })).lines[0],
    'Error: Expected one machine name as an argument',
  );
  const stopped = new MachineError('machine-not-running', 'Host is not running', {
    remedies: ['tsmachine start dev'],
  });
  t.deepEqual((await report(stopped, { program: 'docker-machine' })).lines, ['Host is not running']);
  t.deepEqual((await report(stopped, { program: 'docker-machine', isTTY: true })).lines, [
    'Host is not running',
    'try: docker-machine start dev',
  ]);
  const unknown = new MachineError('flag-unknown', 'flag provided but not defined: -quit', {
    facts: { flag: 'quit' },
  });
  const { lines, code } = await report(unknown, {
    program: 'docker-machine',
    isTTY: true,
    command: ls,
    flags: ls?.flags ?? [],
  });
  t.is(code, 2);
  t.deepEqual(lines, [
    'flag provided but not defined: -quit',
    'try: Did you mean --quiet?',
    'try: Run "docker-machine ls --help" to see the flags.',
  ]);
});

test('several errors: all are printed; one exit code or 1', async (t) => {
  const a = new MachineError('machine-state', 'Machine "a" is already running.', { remedies: [] });
  const b = new MachineError('name-invalid', 'no name', { remedies: [] });
  const both = await report(new AggregateError([a, b]));
  t.is(both.code, 1);
  t.deepEqual(both.lines, [
    'error: Machine "a" is already running. [machine-state]',
    'error: no name [name-invalid]',
  ]);
  t.is((await report(new AggregateError([b, b]))).code, 2);
});

test('what is not ours: errors of the system, interrupts and bugs', async (t) => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  t.deepEqual(await report(full), {
    code: 1,
    lines: ['error: ENOSPC: no space left on device, write [host-not-ready]'],
    out: '',
  });
  const aborted = new DOMException('This operation was aborted', 'AbortError');
  t.is((await report(aborted)).code, 130);
  const missing = Object.assign(new Error('Cannot find module x'), { code: 'ERR_MODULE_NOT_FOUND' });
  t.regex((await report(missing)).lines[0] ?? '', /\[bug\]$/);
  t.regex(
    (await report(new TypeError('x is not a function'))).lines[0] ?? '',
    /x is not a function \[bug\]$/,
  );
  t.regex((await report('text')).lines[0] ?? '', /text \[bug\]$/);
});

test('--debug shows where it comes from, without secrets', async (t) => {
  const { lines } = await report(new MachineError('bug', 'broken s3cret'), {
    debug: true,
    secrets: ['s3cret'],
  });
  t.true(lines.some((line) => line.startsWith('debug:     at ')));
  t.false(lines.join('\n').includes('s3cret'));
});
