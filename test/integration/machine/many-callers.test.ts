import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram, run, type Outcome } from '../../support/cli.ts';
import { makeCompatibleStore, type CompatibleStore } from '../../support/compatible.ts';
import { inParallel } from '../../support/in-parallel.ts';

// One store under hundreds of processes, as GitLab Runner uses it: creates, removals and questions at once, and
// SIGKILL at any of their calls to the file system.

const machineCount = 200;
/** Processes at once: enough for every lock to be fought over, and not too many for two processors. */
const callersMax = 24;
const create = ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1'];

/** Successful, and silent on stderr, which callers log as errors. */
function requireSuccess(t: ExecutionContext, outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ code, stderr }) => code !== 0 || stderr !== '');
  t.deepEqual(
    failed.map(({ code, stderr }) => ({ code, stderr })),
    [],
  );
}

async function machineNames(store: CompatibleStore): Promise<string[]> {
  return (await store.dockerMachine(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
}

/** Everything in the store but machines: what nobody should have left behind. */
async function strayFiles(store: CompatibleStore): Promise<string[]> {
  const names = await readdir(store.path, { recursive: true });
  return names.filter((name) => /(^|\/)\.|\.tmp/.test(name)).sort();
}

test.serial(
  'hundreds of creates and removals by processes of their own, on a store that is empty at first',
  async (t) => {
    t.timeout(300_000);
    const store = await makeCompatibleStore();
    try {
      const names = Array.from({ length: machineCount }, (_, index) => `runner-${index}`);
      requireSuccess(
        t,
        await inParallel(names, callersMax, (name) => store.dockerMachine([...create, name])),
      );
      t.deepEqual((await machineNames(store)).sort(), [...names].sort());
      await requireOneAuthority(t, store, names);
      t.deepEqual(await strayFiles(store), []);

      const removed = await inParallel(names, callersMax, (name) => store.dockerMachine(['rm', '-y', name]));
      requireSuccess(t, removed);
      t.deepEqual(await readdir(path.join(store.path, 'machines')), []);
      t.deepEqual(await strayFiles(store), []);
    } finally {
      await store.dispose();
    }
  },
);

/** Every machine has the CA of the store and a client certificate that it verifies. */
async function requireOneAuthority(
  t: ExecutionContext,
  store: CompatibleStore,
  names: readonly string[],
): Promise<void> {
  const certs = path.join(store.path, 'certs');
  t.deepEqual((await readdir(certs)).sort(), ['ca-key.pem', 'ca.pem', 'cert.pem', 'key.pem']);
  const ca = await readFile(path.join(certs, 'ca.pem'), 'utf8');
  const file = (name: string, each: string): string => path.join(store.path, 'machines', name, each);
  for (const name of names) {
    t.is(await readFile(file(name, 'ca.pem'), 'utf8'), ca);
  }
  const openssl = findProgram('openssl');
  if (openssl === undefined) {
    t.log('openssl is not here: the certificates were not verified by it');
    return;
  }
  const verified = await run(openssl, [
    ...['verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', path.join(certs, 'ca.pem')],
    ...names.map((name) => file(name, 'cert.pem')),
  ]);
  t.is(verified.code, 0, verified.stderr);
  t.is(verified.stdout.match(/: OK$/gm)?.length, names.length);
}

/** From 0 to below 1, the same for the same seed. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const stormSeed = 20_260_727;
const stormNames = 8;
const stormCalls = 160;
/** The verbs of the storm, and how many calls to the file system each makes when nothing is in its way. */
const fileCallsOf: Readonly<Record<string, number>> = { create: 100, rm: 43, config: 28, inspect: 6, ls: 44 };

interface StormCall {
  readonly args: readonly string[];
  /** Before which of its calls to the file system it is killed; undefined for one that may live. */
  readonly killAt: number | undefined;
}

function stormOf(seed: number): StormCall[] {
  const chance = chances(seed);
  return Array.from({ length: stormCalls }, () => {
    const name = `m${Math.floor(chance() * stormNames)}`;
    const calls = [
      [...create, name],
      [...create, name],
      [...create, name],
      ['rm', '-y', name],
      ['rm', '-f', '-y', name],
      ['config', name],
      ['inspect', name],
      ['ls'],
      ['ls', '-q'],
    ] as const;
    const args = calls[Math.floor(chance() * calls.length)] ?? ['ls'];
    const killAt = 1 + Math.floor(chance() * (fileCallsOf[args[0]] ?? 1));
    return { args, killAt: chance() < 0.5 ? killAt : undefined };
  });
}

/** What a call that was not killed may say when others create and remove the same machine at the same time. */
const mayFail: Readonly<Record<string, RegExp>> = {
  create: /already exists|is busy here/,
  rm: /does not exist|is busy here/,
  config: /does not exist|Error running connection boilerplate/,
  inspect: /does not exist/,
};

test.serial(
  'a storm of calls of which half are killed: every machine is listed, no record is broken, rm -f cleans all',
  async (t) => {
    t.timeout(300_000);
    const store = await makeCompatibleStore();
    try {
      t.log(`seed ${stormSeed}`);
      let killed = 0;
      await inParallel(stormOf(stormSeed), callersMax, async ({ args, killAt }) => {
        const verb = args[0] ?? '';
        const { code, signal, stderr } = await (killAt === undefined
          ? store.dockerMachine(args)
          : store.dockerMachineKilled(args, killAt));
        if (signal === 'SIGKILL') {
          killed += 1;
        } else if (code === 0) {
          // A forced removal tells what it could not do.
          t.true(stderr === '' || args.includes('-f'), `${args.join(' ')}: ${stderr}`);
        } else {
          t.regex(stderr, mayFail[verb] ?? /never/, `${args.join(' ')}: ${String(code)}`);
        }
      });
      t.log(`${killed} of ${stormCalls} were killed`);
      t.true(killed >= stormCalls / 8, `only ${killed} were killed`);
      await requireWholeMachines(t, store);
      await requireEverythingRemovable(t, store);
    } finally {
      await store.dispose();
    }
  },
);

async function requireWholeMachines(t: ExecutionContext, store: CompatibleStore): Promise<void> {
  const visible = (await readdir(path.join(store.path, 'machines'))).filter((name) => !name.startsWith('.'));
  const listed = await store.dockerMachine(['ls', '-q']);
  t.deepEqual(
    listed.stdout
      .split('\n')
      .filter((name) => name !== '')
      .sort(),
    visible.sort(),
  );
  t.is((await store.dockerMachine(['ls'])).code, 0);
  for (const name of visible) {
    const inspected = await store.dockerMachine(['inspect', name]);
    t.is(inspected.code, 0, inspected.stderr);
    t.is((JSON.parse(inspected.stdout) as { Driver: { URL: string } }).Driver.URL, 'tcp://127.0.0.1:1');
  }
}

async function requireEverythingRemovable(t: ExecutionContext, store: CompatibleStore): Promise<void> {
  const names = Array.from({ length: stormNames }, (_, index) => `m${index}`);
  for (const outcome of await inParallel(names, callersMax, (name) =>
    store.dockerMachine(['rm', '-f', '-y', name]),
  )) {
    t.is(outcome.code, 0, outcome.stderr);
  }
  t.deepEqual(await machineNames(store), []);
  // The last caller of a storm finds what the others could not clean up, because it was in use.
  t.is((await store.dockerMachine(['rm', '-f', '-y', 'm0'])).code, 0);
  t.deepEqual(await strayFiles(store), []);
  // The names are free again, and the CA is whole.
  requireSuccess(t, await inParallel(names, callersMax, (name) => store.dockerMachine([...create, name])));
  await requireOneAuthority(t, store, names);
}
