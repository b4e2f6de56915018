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
  /** Lines that the machine was told so far. */
  readonly told: () => string[];
  readonly starts: () => number;
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
  const relay = new ChangeRelay({
    host: createHost(),
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
    told: () => text.split('\n').filter((line) => line !== ''),
    starts: () => starts,
  };
}

const having = (...binds: readonly string[]): RunningContainer[] => [
  { id: 'a', name: 'a', ports: [], binds },
];

async function hears(t: ExecutionContext, { told }: World, line: string): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !told().includes(line) && Date.now() < deadline;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.true(told().includes(line), `${line} in ${told().join(' ')}`);
}

test('the machine is told what was changed, made and removed, also in directories that are new', async (t) => {
  const world = await worldOf(t);
  const { directory, relay } = world;
  await fs.mkdir(path.join(directory, 'site', 'css'), { recursive: true });
  await fs.writeFile(path.join(directory, 'site', 'css', 'a'), 'x');
  await relay.update(having('/there/site'));
  await fs.appendFile(path.join(directory, 'site', 'css', 'a'), 'y');
  await hears(t, world, '/there/site/css/a');
  await fs.mkdir(path.join(directory, 'site', 'new'));
  await hears(t, world, '/there/site/new');
  await fs.writeFile(path.join(directory, 'site', 'new', 'b'), 'x');
  await hears(t, world, '/there/site/new/b');
  await fs.rm(path.join(directory, 'site', 'css', 'a'));
  await hears(t, world, '/there/site/css');
  t.is(world.starts(), 1);
});

test('what the machine does to a file when it is told is not passed on again', async (t) => {
  const world = await worldOf(t);
  const { directory, relay, told } = world;
  await relay.update(having('/there'));
  const file = path.join(directory, 'a');
  await fs.writeFile(file, 'x');
  await hears(t, world, '/there/a');
  const { mode } = await fs.stat(file);
  await fs.chmod(file, mode & 0o7777);
  await fs.writeFile(path.join(directory, 'b'), 'x');
  await hears(t, world, '/there/b');
  await fs.chmod(file, mode & 0o7777);
  await fs.writeFile(path.join(directory, 'c'), 'x');
  await hears(t, world, '/there/c');
  // The writing itself may be seen in two parts.
  t.true(told().filter((line) => line === '/there/a').length <= 2, told().join(' '));
});

test('nothing is watched when no container has a shared directory', async (t) => {
  const world = await worldOf(t);
  const { directory, relay, told } = world;
  await relay.update(having('/var/lib/x'));
  await fs.writeFile(path.join(directory, 'a'), 'x');
  await relay.update(having('/there'));
  await fs.writeFile(path.join(directory, 'b'), 'x');
  await hears(t, world, '/there/b');
  t.false(told().includes('/there/a'));
  await relay.update([]);
  await fs.writeFile(path.join(directory, 'c'), 'x');
  await relay.update(having('/there'));
  await fs.writeFile(path.join(directory, 'd'), 'x');
  await hears(t, world, '/there/d');
  t.false(told().includes('/there/c'));
});
