import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { isGone, makeStore, projectRoot, run, type Outcome, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';

// Machines that are resumed from a template. The tests share a store and run in their order: the first makes the
// template that the others use, damage and put back.

const create = ['create', '-d', 'qemu', '--memory', '768'];
const world: { store?: TestStore; backup?: string } = {};

function store(): TestStore {
  return world.store as TestStore;
}

function cache(): string {
  return path.join(store().path, 'cache', 'drivers', 'qemu');
}

async function templates(): Promise<string[]> {
  const names = await readdir(cache()).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{32}$/.test(name));
}

async function theTemplate(): Promise<string> {
  const [name = ''] = await templates();
  return path.join(cache(), name);
}

async function ok(t: ExecutionContext, outcome: Promise<Outcome>): Promise<Outcome> {
  const found = await outcome;
  t.is(found.code, 0, `${found.stdout}\n${found.stderr}`);
  return found;
}

const tsmachine = (t: ExecutionContext, ...args: string[]): Promise<Outcome> =>
  ok(t, store().tsmachine(args));
const isResumed = ({ stderr }: Outcome): boolean =>
  / resumed after /.test(stderr) && !/ stage2 after /.test(stderr);
const isBooted = ({ stderr }: Outcome): boolean =>
  / stage2 after /.test(stderr) && !/ template after /.test(stderr);

async function shell(t: ExecutionContext, name: string, command: string): Promise<string> {
  return (await tsmachine(t, 'ssh', name, command)).stdout.trim();
}

async function docker(t: ExecutionContext, name: string, ...args: string[]): Promise<string> {
  return (await ok(t, run('docker', args, { env: await readEnv(store(), name) }))).stdout.trim();
}

/** Everything that makes a machine itself, as a client of its own sees it. */
async function identityOf(t: ExecutionContext, name: string): Promise<Record<string, string>> {
  const text = await shell(
    t,
    name,
    'cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname; head -c 16 /dev/urandom | xxd -p; ' +
      'sudo cat /var/lib/boot2docker/server.pem | sha256sum; sudo cat /var/lib/docker/engine-id; echo',
  );
  const [machineId = '', bootId = '', hostName = '', random = '', certificate = '', savedEngineId = ''] =
    text.split('\n');
  const hostKey = path.join(store().path, 'machines', name, 'ssh_host_ed25519_key.pub');
  return {
    machineId,
    bootId,
    hostName,
    random,
    certificate,
    engineId: await docker(t, name, 'info', '-f', '{{.ID}}'),
    savedEngineId,
    // The connection above was made with this key alone, so the guest serves it.
    hostKey: (await readFile(hostKey, 'utf8')).split(' ')[1] ?? '',
  };
}

async function removeAll(t: ExecutionContext): Promise<void> {
  const names = (await store().tsmachine(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
  if (names.length > 0) {
    await tsmachine(t, 'rm', '-y', ...names);
  }
  t.deepEqual(await readdir(path.join(store().path, 'machines')), [], 'no file and no lock is left');
}

/** Puts the whole template back, as a test before may have damaged or removed it. */
async function restoreTemplate(): Promise<void> {
  await rm(cache(), { recursive: true, force: true });
  await cp(world.backup ?? '', cache(), { recursive: true, preserveTimestamps: true });
}

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
  world.store = await makeStore();
  const first = await tsmachine(t, ...create, 'first');
  t.regex(first.stderr, /The first machine of its kind/);
  t.regex(first.stderr, / template after /);
  t.regex(first.stderr, / resumed after /);
  t.is((await templates()).length, 1);
  world.backup = `${store().path}-backup`;
  await cp(cache(), world.backup, { recursive: true, preserveTimestamps: true });
});

test.after.always(async () => {
  await world.store?.dispose();
  await rm(world.backup ?? '', { recursive: true, force: true });
});

test.serial('a template holds no key, no certificate and no name', async (t) => {
  const directory = await theTemplate();
  t.deepEqual((await readdir(directory)).sort(), ['disk.qcow2', 'ram', 'template.json', 'used']);
  const machine = path.join(store().path, 'machines', 'first');
  const secrets = [
    (await readFile(path.join(machine, 'id_rsa.pub'), 'utf8')).split(' ')[1] ?? '',
    (await readFile(path.join(machine, 'server-key.pem'), 'utf8')).split('\n')[1] ?? '',
    (await readFile(path.join(machine, 'ca.pem'), 'utf8')).split('\n')[1] ?? '',
    (await readFile(path.join(machine, 'guest', 'machine-id'), 'utf8')).trim(),
  ];
  for (const file of ['ram', 'disk.qcow2']) {
    const content = await readFile(path.join(directory, file));
    for (const secret of secrets) {
      t.true(secret.length > 20);
      t.false(content.includes(secret), `${file} holds ${secret}`);
    }
  }
});

test.serial('ten at once differ in everything that makes a machine itself, and all work', async (t) => {
  t.timeout(400_000);
  const names = Array.from({ length: 10 }, (_, index) => `ten-${index}`);
  const created = await Promise.all(names.map(async (name) => tsmachine(t, ...create, name)));
  t.true(created.every(isResumed), created.find((outcome) => !isResumed(outcome))?.stderr);

  const identities: Record<string, string>[] = [];
  for (const name of names) {
    const identity = await identityOf(t, name);
    t.is(identity['hostName'], name);
    t.is(await docker(t, name, 'info', '-f', '{{.Name}}'), name);
    t.is(identity['engineId'], identity['savedEngineId'], 'the engine has the same id after its next start');
    // Measured inside, where a slow connection does not count: the hypervisor's clock goes by whole seconds.
    const offset = Number(
      await shell(t, name, 'echo $(($(date +%s) - $(cat /sys/class/rtc/rtc0/since_epoch)))'),
    );
    t.true(Math.abs(offset) <= 1, `the clock of ${name} is off by ${offset} s`);
    identities.push(identity);
  }
  for (const key of Object.keys(identities[0] ?? {})) {
    const values = identities.map((identity) => identity[key] ?? '');
    t.true(values.every((value) => value.length >= 5));
    t.is(new Set(values).size, names.length, `${key}: ${values.join(' ')}`);
  }

  const archive = await busyboxTar();
  for (const name of names) {
    await ok(
      t,
      run('docker', ['import', '-', 'tiny'], { input: archive, env: await readEnv(store(), name) }),
    );
    t.is(await docker(t, name, 'run', '--rm', 'tiny', '/bin/busybox', 'echo', name), name);
  }
  const pids = await Promise.all(
    names.map(async (name) => readFile(path.join(store().path, 'machines', name, 'qemu.pid'), 'utf8')),
  );
  await removeAll(t);
  t.deepEqual(
    await Promise.all(pids.map(async (pid) => isGone(pid.trim()))),
    pids.map(() => true),
  );
});

test.serial('engine options, labels and a larger disk are as asked', async (t) => {
  const options = ['--engine-label', 'color=blue', '--engine-registry-mirror', 'https://mirror.example'];
  const registry = ['--engine-insecure-registry', 'registry.example:5000'];
  const outcome = await tsmachine(t, ...create, ...options, ...registry, '--disk', '30000', 'asked');
  t.true(isResumed(outcome), outcome.stderr);
  t.is(await docker(t, 'asked', 'info', '-f', '{{join .Labels ","}}'), 'color=blue,provider=qemu');
  const config = JSON.parse(await docker(t, 'asked', 'info', '-f', '{{json .RegistryConfig}}')) as {
    readonly Mirrors: string[];
    readonly IndexConfigs: Record<string, { readonly Secure: boolean }>;
  };
  t.deepEqual(config.Mirrors, ['https://mirror.example/']);
  t.false(config.IndexConfigs['registry.example:5000']?.Secure);
  const kilobytes = Number((await shell(t, 'asked', 'df -k /var/lib/docker')).split(/\s+/).at(-5));
  t.true(kilobytes > 28_000_000, `the file system has ${kilobytes} kB`);
  t.true((await shell(t, 'asked', 'sudo dmesg')).includes('crng reseeded due to virtual machine fork'));
});

test.serial('stop and start are an ordinary boot that keeps identity, options and data', async (t) => {
  const env = await readEnv(store(), 'asked');
  await ok(t, run('docker', ['import', '-', 'kept'], { input: await busyboxTar(), env }));
  await docker(t, 'asked', 'volume', 'create', 'volume');
  const before = await identityOf(t, 'asked');
  await tsmachine(t, 'stop', 'asked');
  const started = await tsmachine(t, 'start', 'asked');
  t.true(isBooted(started), started.stderr);
  const after = await identityOf(t, 'asked');
  for (const key of ['machineId', 'hostName', 'engineId', 'hostKey']) {
    t.is(after[key], before[key], key);
  }
  t.not(after['bootId'], before['bootId']);
  t.is(await docker(t, 'asked', 'info', '-f', '{{join .Labels ","}}'), 'color=blue,provider=qemu');
  t.is(await docker(t, 'asked', 'volume', 'ls', '-q'), 'volume');
  t.is(await docker(t, 'asked', 'run', '--rm', 'kept', '/bin/busybox', 'echo', 'x'), 'x');
  await removeAll(t);
});

test.serial('what a running engine does not take over is booted, and so is --cold', async (t) => {
  const environment = await tsmachine(t, ...create, '--engine-env', 'HTTP_PROXY=http://proxy.example', 'env');
  t.true(isBooted(environment), environment.stderr);
  t.regex(environment.stderr, /booted, not resumed from a template: .*--engine-env/);
  t.is(await docker(t, 'env', 'info', '-f', '{{.HTTPProxy}}'), 'http://proxy.example');
  const cold = await tsmachine(t, ...create, '--cold', 'cold');
  t.true(isBooted(cold), cold.stderr);
  await removeAll(t);
});

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

test.serial('another QEMU makes a template of its own, and leaves the other alone', async (t) => {
  const program = process.env['TSMACHINE_TEST_QEMU'] ?? '';
  if (program === '') {
    t.log('skipped: needs another QEMU, named by TSMACHINE_TEST_QEMU');
    t.pass();
    return;
  }
  await restoreTemplate();
  const other = await tsmachine(t, ...create, '--qemu-program', program, 'other');
  t.regex(other.stderr, /The first machine of its kind/);
  t.is((await templates()).length, 2);
  t.true(isResumed(await tsmachine(t, ...create, '--qemu-program', program, 'again')));
  t.true(isResumed(await tsmachine(t, ...create, 'usual')));
  await removeAll(t);
});

test.serial('image prune --all removes templates', async (t) => {
  await restoreTemplate();
  const pruned = await tsmachine(t, 'image', 'prune', '--all');
  t.regex(pruned.stdout, /drivers\/qemu\/[0-9a-f]{32}/);
  t.deepEqual(await templates(), []);
});

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
