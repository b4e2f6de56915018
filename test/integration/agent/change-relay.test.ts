import { promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { ChangeRelay } from '../../../src/agent/change-relay.ts';
import type { RunningContainer } from '../../../src/engine/containers.ts';
import { createHost } from '../../../src/host/real.ts';
import type { RemoteProcess, SshConnection } from '../../../src/ssh/types.ts';

// Real files are watched; what would go to the machine is read.

const patienceMs = 20_000;

interface World {
  readonly directory: string;
  readonly relay: ChangeRelay;
  /** Commands that the machine's shell was given so far. */
  readonly given: () => string[];
  readonly starts: () => number;
  /** Moves the clock. */
  readonly later: (ms: number) => void;
}

async function worldOf(t: ExecutionContext): Promise<World> {
  const directory = await fs.realpath(await fs.mkdtemp(path.join(tmpdir(), 'tsm-relay-')));
  const over = new AbortController();
  let text = '';
  let starts = 0;
  const start = async (): Promise<RemoteProcess> => {
    starts += 1;
    const stdin = new PassThrough();
    stdin.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return Promise.resolve({
      stdin,
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      ended: new Promise(() => undefined),
      resize: () => undefined,
      kill: () => undefined,
    });
  };
  const real = createHost();
  let skippedMs = 0;
  const clock = {
    nowMs: () => real.clock.nowMs(),
    monotonicMs: () => real.clock.monotonicMs() + skippedMs,
    sleep: async (ms: number, signal?: AbortSignal) => real.clock.sleep(ms, signal),
  };
  const relay = new ChangeRelay({
    host: { files: real.files, watchTree: async (place, options) => real.watchTree(place, options), clock },
    signal: over.signal,
    connection: async () => Promise.resolve({ start } as unknown as SshConnection),
    shares: [{ path: directory, isReadOnly: false, tag: 'tsm0', way: '9p', guestPaths: ['/there'] }],
    say: (message) => {
      t.log(message);
    },
  });
  t.teardown(async () => {
    over.abort(new Error('done'));
    relay.close();
    await fs.rm(directory, { recursive: true, force: true });
  });
  return {
    directory,
    relay,
    given: () => text.split('\n').filter((line) => line !== ''),
    starts: () => starts,
    later: (ms) => (skippedMs += ms),
  };
}

const having = (...binds: readonly string[]): RunningContainer[] => [
  { id: 'a', name: 'a', ports: [], binds },
];

/** The machine is given a command, or more than one, that has these words. */
async function hears(t: ExecutionContext, { given }: World, program: string, word: string): Promise<void> {
  const isOne = (line: string): boolean => line.startsWith(program) && line.split(' ').includes(word);
  for (const deadline = Date.now() + patienceMs; !given().some(isOne) && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.true(given().some(isOne), `${program} ${word} in ${given().join('\n')}`);
}

const wakeFile = 'setfattr -h -x system.posix_acl_default';
const wakeDirectory = `chown -h ${String(process.getuid?.() ?? 0)}`;

test('the machine is told what was changed, made and removed, also in directories that are new', async (t) => {
  const world = await worldOf(t);
  const { directory, relay } = world;
  await fs.mkdir(path.join(directory, 'site', 'css'), { recursive: true });
  await fs.writeFile(path.join(directory, 'site', 'css', 'a'), 'x');
  await relay.update(having('/there/site'));
  await fs.appendFile(path.join(directory, 'site', 'css', 'a'), 'y');
  await hears(t, world, wakeFile, '/there/site/css/a');
  await fs.mkdir(path.join(directory, 'site', 'new'));
  await hears(t, world, wakeDirectory, '/there/site/new');
  await fs.writeFile(path.join(directory, 'site', 'new', 'b'), 'x');
  await hears(t, world, wakeFile, '/there/site/new/b');
  await fs.rm(path.join(directory, 'site', 'css', 'a'));
  await hears(t, world, wakeDirectory, '/there/site/css');
  t.is(world.starts(), 1);
});

test('a directory that takes the name of another is watched, and what came with it is told', async (t) => {
  const world = await worldOf(t);
  const { directory, relay } = world;
  await fs.mkdir(path.join(directory, 'dist', 'old'), { recursive: true });
  await relay.update(having('/there'));
  await fs.mkdir(path.join(directory, 'next', 'js'), { recursive: true });
  await fs.writeFile(path.join(directory, 'next', 'js', 'a'), 'x');
  await hears(t, world, wakeDirectory, '/there/next');
  await fs.rm(path.join(directory, 'dist'), { recursive: true });
  await fs.rename(path.join(directory, 'next'), path.join(directory, 'dist'));
  await hears(t, world, wakeFile, '/there/dist/js/a');
  await fs.writeFile(path.join(directory, 'dist', 'js', 'b'), 'x');
  await hears(t, world, wakeFile, '/there/dist/js/b');
});

test('directories are kept open in the machine as long as they are there', async (t) => {
  const world = await worldOf(t);
  const { directory, relay, given } = world;
  await fs.mkdir(path.join(directory, 'a b', 'c'), { recursive: true });
  await fs.mkdir(path.join(directory, 'node_modules', 'x'), { recursive: true });
  await relay.update(having('/there'));
  t.deepEqual(given(), [
    'command exec 20</there',
    "command exec 21<'/there/a b'",
    "command exec 22<'/there/a b/c'",
  ]);
  await fs.rm(path.join(directory, 'a b'), { recursive: true });
  await hears(t, world, 'exec', '21<&-');
  await hears(t, world, 'exec', '22<&-');
  await fs.mkdir(path.join(directory, 'd'));
  await hears(t, world, 'command exec', '21</there/d');
});

test('what the machine does to be woken is not told again, nor what only programs write', async (t) => {
  const world = await worldOf(t);
  const { directory, relay, given } = world;
  await fs.mkdir(path.join(directory, '.git'));
  await relay.update(having('/there'));
  const file = path.join(directory, 'a');
  await fs.writeFile(file, 'x');
  await hears(t, world, wakeFile, '/there/a');
  const { mode } = await fs.stat(file);
  for (const name of ['b', 'c']) {
    await fs.chmod(file, mode & 0o7777);
    await fs.writeFile(path.join(directory, '.git', name), 'x');
    await fs.writeFile(path.join(directory, name), 'x');
    await hears(t, world, wakeFile, `/there/${name}`);
  }
  const words = given().flatMap((line) => line.split(' '));
  // The writing itself may be seen in two parts.
  t.true(words.filter((word) => word === '/there/a').length <= 2, given().join('\n'));
  t.deepEqual(
    words.filter((word) => word.includes('.git')),
    [],
  );
});

test('nothing is watched when no container has a shared directory, nor has had one a moment ago', async (t) => {
  const world = await worldOf(t);
  const { directory, relay, given, later } = world;
  const change = async (name: string): Promise<void> => fs.writeFile(path.join(directory, name), 'x');
  await relay.update(having('/var/lib/x'));
  await change('a');
  await relay.update(having('/there'));
  await change('b');
  await hears(t, world, wakeFile, '/there/b');
  await relay.update([]);
  await change('c');
  await hears(t, world, wakeFile, '/there/c');
  later(60_000);
  await relay.update([]);
  await change('d');
  await relay.update(having('/there'));
  await change('e');
  await hears(t, world, wakeFile, '/there/e');
  t.notRegex(given().join('\n'), /there\/[ad]\b/);
});
