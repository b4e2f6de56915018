import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { isGone, projectRoot, run } from '../support/cli.ts';
import {
  cache,
  create,
  docker,
  isResumed,
  ok,
  removeAll,
  restoreTemplate,
  setUp,
  store,
  tearDown,
  templates,
  theTemplate,
  tsmachine,
} from './template-world.ts';

// Whatever happens to a template, or to a create that makes or uses one: the user has a machine, and the next create is
// well. The tests damage copies of the template, one after the other.

/** Changes one byte in the middle of a file. */
async function flipByte(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    const at = Math.floor((await handle.stat()).size / 2);
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, at);
    await handle.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  } finally {
    await handle.close();
  }
}

test.before(async (t) => {
  t.timeout(400_000);
  await setUp(t);
  await removeAll(t);
});

test.after.always(tearDown);

const damages: readonly { readonly what: string; readonly damage: (directory: string) => Promise<void> }[] = [
  { what: 'memory with a flipped byte', damage: async (directory) => flipByte(path.join(directory, 'ram')) },
  {
    what: 'a disk with a flipped byte',
    damage: async (directory) => flipByte(path.join(directory, 'disk.qcow2')),
  },
  {
    what: 'memory that QEMU cannot read, with the right checksum',
    damage: async (directory) => {
      const { crc32 } = await import('node:zlib');
      const file = path.join(directory, 'template.json');
      const content = await readFile(path.join(directory, 'ram'));
      // As another version of QEMU would have written it: another version of the stream.
      content.writeUInt32BE(0xff, 4);
      await writeFile(path.join(directory, 'ram'), content);
      const record = JSON.parse(await readFile(file, 'utf8')) as { ram: { crc32: number } };
      record.ram.crc32 = crc32(content);
      await writeFile(file, JSON.stringify(record));
    },
  },
];

for (const { what, damage } of damages) {
  test.serial(`${what}: the machine is booted, one line says why, the template is gone`, async (t) => {
    await restoreTemplate();
    await damage(await theTemplate());
    const outcome = await tsmachine(t, ...create, 'damaged');
    t.regex(outcome.stderr, / stage2 after /);
    const notes = outcome.stderr.split('\n').filter((line) => line.includes('could not be resumed'));
    t.is(notes.length, 1, outcome.stderr);
    t.is((await templates()).length, 0);
    t.truthy(await docker(t, 'damaged', 'info', '-f', '{{.ID}}'));
    await removeAll(t);
  });
}

test.serial('a template cut in half or without its record is made again', async (t) => {
  t.timeout(400_000);
  await restoreTemplate();
  await truncate(path.join(await theTemplate(), 'ram'), 100_000_000);
  const cut = await tsmachine(t, ...create, 'cut');
  t.regex(cut.stderr, /The first machine of its kind/);
  t.true(/ resumed after /.test(cut.stderr), cut.stderr);
  await writeFile(path.join(await theTemplate(), 'template.json'), '{"schema": 1');
  const garbled = await tsmachine(t, ...create, 'garbled');
  t.regex(garbled.stderr, /The first machine of its kind/);
  await removeAll(t);
});

test.serial('killed at any moment of a resume: create --resume finishes, rm leaves nothing', async (t) => {
  t.timeout(600_000);
  await restoreTemplate();
  let caught = 0;
  for (let delayMs = 100; delayMs <= 1600; delayMs += 150) {
    const code = await killedAfter([...create, 'killed'], delayMs);
    caught += code === null ? 1 : 0;
    const names = (await store().tsmachine(['ls', '-q'])).stdout.trim();
    if (names !== '' && code === null) {
      const resumed = await store().tsmachine(['create', '--resume', 'killed']);
      t.true(resumed.code === 0 || resumed.stderr.includes('is complete'), resumed.stderr);
      t.truthy(await docker(t, 'killed', 'info', '-f', '{{.ID}}'));
    }
    await removeAll(t);
  }
  t.true(caught >= 3, `only ${caught} creates were caught`);
  t.true(isResumed(await tsmachine(t, ...create, 'after')), 'the template is still good');
  await removeAll(t);
});

test.serial(
  'killed while a template is made: the next create makes it, and no guest stays behind',
  async (t) => {
    t.timeout(600_000);
    for (const phase of ['stage2 after', 'template after']) {
      await rm(cache(), { recursive: true, force: true });
      const child = spawnCreate([...create, 'maker']);
      const said = new Transcript(child.stderr);
      await said.until(phase);
      // In the midst of saving.
      await sleep(phase === 'template after' ? 900 : 0);
      child.kill('SIGKILL');
      t.regex(said.text, /The first machine of its kind/);
      const [making = ''] = (await readdir(cache())).filter((name) => name.startsWith('.making-'));
      const pid = (await readFile(path.join(cache(), making, 'qemu.pid'), 'utf8')).trim();
      const next = await tsmachine(t, ...create, 'next');
      t.regex(next.stderr, / resumed after /);
      t.true(await isGone(pid), 'the guest of the killed maker has ended');
      t.deepEqual(
        (await readdir(cache())).filter((name) => name.startsWith('.')),
        [],
      );
      await removeAll(t);
    }
  },
);

test.serial(
  'the disk is full while a template is saved: the machine is booted, the next one is well',
  async (t) => {
    t.timeout(400_000);
    if (process.getuid?.() !== 0 || process.platform !== 'linux') {
      t.log('skipped: needs root on Linux, to mount a small file system');
      t.pass();
      return;
    }
    await rm(cache(), { recursive: true, force: true });
    await mkdir(cache(), { recursive: true, mode: 0o700 });
    await ok(t, run('mount', ['-t', 'tmpfs', '-o', 'size=1100m,mode=0700', 'tsm-test', cache()]));
    try {
      const child = spawnCreate([...create, 'full']);
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
      const said = new Transcript(child.stderr);
      await said.until('engine-start after');
      const filler = path.join(cache(), 'filler');
      await ok(t, run('fallocate', ['-l', '1000m', filler]));
      t.is(await ended, 0, said.text);
      t.regex(said.text, /a template could not be made. There is not enough free space/);
      t.is(said.text.split(' stage2 after ').length, 3, 'the template was booted, then the machine');
      await rm(filler);
      t.deepEqual(await readdir(cache()), []);
      const next = await tsmachine(t, ...create, 'next');
      t.regex(next.stderr, / resumed after /);
      await removeAll(t);
    } finally {
      await ok(t, run('umount', [cache()]));
    }
  },
);

function spawnCreate(args: readonly string[]): ReturnType<typeof spawn> & { stderr: NodeJS.ReadableStream } {
  const child = spawn(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args], {
    env: { ...process.env, MACHINE_STORAGE_PATH: store().path, DOCKER_CONFIG: `${store().path}-docker` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return child;
}

/** The exit code, or null when the process was killed before its end. */
async function killedAfter(args: readonly string[], delayMs: number): Promise<number | null> {
  const child = spawnCreate(args);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  child.stderr.resume();
  await sleep(delayMs);
  child.kill('SIGKILL');
  return ended;
}

/** Collects what a program says; a reader that stops half way would close the pipe. */
class Transcript {
  text = '';
  readonly #stream: NodeJS.ReadableStream;

  constructor(stream: NodeJS.ReadableStream) {
    this.#stream = stream;
    stream.on('data', (chunk: Buffer) => {
      this.text += chunk.toString();
    });
  }

  /** Resolves once the text was said. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      const isMore = await Promise.race([
        once(this.#stream, 'data').then(() => true),
        once(this.#stream, 'close').then(() => false),
      ]);
      if (!isMore) {
        throw new Error(`never said "${text}": ${this.text}`);
      }
    }
  }
}
