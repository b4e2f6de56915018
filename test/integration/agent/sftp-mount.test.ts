import { spawn } from 'node:child_process';
import { accessSync, constants as fsConstants, promises as fs } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram, run } from '../../support/cli.ts';

// A directory that is served to a real sshfs, as a machine's: what programs do to it, seen from both sides.

interface Mounted {
  /** What is served. */
  readonly here: string;
  /** Where sshfs shows it. */
  readonly there: string;
}

const patienceMs = 20_000;
const serverProgram = path.join(import.meta.dirname, '..', '..', 'support', 'sftp-share.js');

function canMount(): boolean {
  try {
    accessSync('/dev/fuse', fsConstants.R_OK | fsConstants.W_OK);
    return findProgram('sshfs') !== undefined && findProgram('fusermount3') !== undefined;
  } catch {
    return false;
  }
}

async function isMounted(point: string): Promise<boolean> {
  return (await fs.readFile('/proc/self/mounts', 'utf8')).includes(`${point} fuse.sshfs `);
}

/** Undefined, and the test is over, where there is no sshfs or no FUSE. */
async function mount(t: ExecutionContext, { isReadOnly = false } = {}): Promise<Mounted | undefined> {
  if (!canMount()) {
    t.log('skipped: needs sshfs and /dev/fuse');
    t.pass();
    return undefined;
  }
  const root = await fs.realpath(await fs.mkdtemp(path.join(tmpdir(), 'tsm-sftp-')));
  const [here, there] = [path.join(root, 'here'), path.join(root, 'there')];
  await fs.mkdir(here);
  await fs.mkdir(there);
  const server = spawn(process.execPath, [serverProgram, here, isReadOnly ? 'ro' : 'rw'], { stdio: 'pipe' });
  const child = spawn('sshfs', ['-f', '-o', 'passive,dir_cache=no', 'share:/', there], { stdio: 'pipe' });
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  server.stderr.on('data', (chunk: Buffer) => {
    t.log(chunk.toString());
  });
  for (const stream of [server.stdin, child.stdin]) {
    stream.on('error', () => undefined);
  }
  child.stdout.pipe(server.stdin);
  server.stdout.pipe(child.stdin);
  t.teardown(async () => {
    await run('fusermount3', ['-u', '-z', there]);
    child.kill();
    server.kill();
    await fs.rm(root, { recursive: true, force: true });
  });
  for (const deadline = Date.now() + patienceMs; !(await isMounted(there));) {
    if (child.exitCode !== null || Date.now() > deadline) {
      if (/fuse|mount/i.test(errors.join(''))) {
        t.log(`skipped: needs FUSE: ${errors.join('')}`);
        t.pass();
        return undefined;
      }
      throw new Error(`sshfs did not mount: ${errors.join('')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { here, there };
}

async function code(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: unknown) => String((error as NodeJS.ErrnoException).code),
  );
}

test.serial(
  'each side sees at once what the other writes, appends, truncates, renames and removes',
  async (t) => {
    const mounted = await mount(t);
    if (mounted === undefined) {
      return;
    }
    const { here, there } = mounted;
    await fs.writeFile(`${here}/a`, 'from here\n');
    t.is(await fs.readFile(`${there}/a`, 'utf8'), 'from here\n');
    await fs.appendFile(`${there}/a`, 'from there\n');
    t.is(await fs.readFile(`${here}/a`, 'utf8'), 'from here\nfrom there\n');
    await fs.writeFile(`${here}/a`, 'short');
    t.is(await fs.readFile(`${there}/a`, 'utf8'), 'short');
    await fs.truncate(`${there}/a`, 2);
    t.is(await fs.readFile(`${here}/a`, 'utf8'), 'sh');
    await fs.mkdir(`${there}/d/e`, { recursive: true });
    await fs.writeFile(`${there}/d/e/f`, 'x', { mode: 0o640 });
    t.is((await fs.stat(`${here}/d/e/f`)).mode & 0o777, 0o640);
    await fs.rename(`${there}/d/e/f`, `${there}/a`);
    t.is(await fs.readFile(`${here}/a`, 'utf8'), 'x', 'a rename replaces');
    t.deepEqual(await fs.readdir(`${there}/d/e`), []);
    t.is(await code(fs.rmdir(`${there}/d`)), 'ENOTEMPTY');
    await fs.rm(`${there}/d`, { recursive: true });
    t.deepEqual(await fs.readdir(here), ['a']);
    t.is(await code(fs.readFile(`${there}/none`)), 'ENOENT');
    t.is(await code(fs.mkdir(`${there}/a`)), 'EEXIST');
  },
);

test.serial('modes, times, links and the space that is left', async (t) => {
  const mounted = await mount(t);
  if (mounted === undefined) {
    return;
  }
  const { here, there } = mounted;
  await fs.writeFile(`${there}/a`, 'text');
  await fs.chmod(`${there}/a`, 0o4751);
  t.is((await fs.stat(`${here}/a`)).mode & 0o7777, 0o4751);
  await fs.utimes(`${there}/a`, 1_000_000_000, 1_100_000_000);
  t.is((await fs.stat(`${here}/a`)).mtimeMs, 1_100_000_000_000);
  await fs.symlink('a', `${there}/link`);
  t.is(await fs.readlink(`${here}/link`), 'a');
  t.is(await fs.readFile(`${there}/link`, 'utf8'), 'text');
  await fs.link(`${there}/a`, `${there}/twin`);
  t.is((await fs.stat(`${here}/twin`)).ino, (await fs.stat(`${here}/a`)).ino);
  const [inside, outside] = [await fs.statfs(there), await fs.statfs(here)];
  t.is(inside.blocks * inside.bsize, outside.blocks * outside.bsize);
});

test.serial('names that are no text, and large files in pieces that are not in order', async (t) => {
  const mounted = await mount(t);
  if (mounted === undefined) {
    return;
  }
  const { here, there } = mounted;
  const odd = ['-rf', 'a b\n"c"', 'ü', 'u\u0308', '*?', '%2e%2e', '..a', 'x'.repeat(255)];
  for (const name of odd) {
    await fs.writeFile(path.join(there, name), name);
  }
  const bytes = Buffer.concat([Buffer.from(`${there}/`), Buffer.from([0xff, 0xfe, 0x80])]);
  await fs.writeFile(bytes, 'bytes');
  const names = (await fs.readdir(here, { encoding: 'buffer' })).map((name) => name.toString('latin1'));
  const wanted = [...odd.map((name) => Buffer.from(name)), Buffer.from([0xff, 0xfe, 0x80])];
  t.deepEqual(names.sort(), wanted.map((name) => name.toString('latin1')).sort());
  t.deepEqual((await fs.readdir(there)).length, wanted.length);

  const data = Buffer.alloc(5 * 1024 * 1024 + 7);
  for (let index = 0; index < data.length; index += 1) {
    data[index] = (index * 31 + (index >> 8)) & 0xff;
  }
  const file = await fs.open(`${there}/large`, 'w+');
  for (const start of [3, 0, 4, 2, 1, 5].map((part) => part * 1024 * 1024)) {
    await file.write(data, start, Math.min(1024 * 1024, data.length - start), start);
  }
  const again = Buffer.alloc(data.length);
  await file.read(again, 0, again.length, 0);
  await file.close();
  t.true(again.equals(data));
  t.true((await fs.readFile(`${here}/large`)).equals(data));
  t.true((await fs.readFile(`${there}/large`)).equals(data));
});

test.serial('a directory of a thousand files is listed whole', async (t) => {
  const mounted = await mount(t);
  if (mounted === undefined) {
    return;
  }
  const { here, there } = mounted;
  const names = Array.from({ length: 1000 }, (_, index) => `file-${String(index).padStart(4, '0')}`);
  await Promise.all(names.map(async (name) => fs.writeFile(`${here}/${name}`, name)));
  t.deepEqual((await fs.readdir(there)).sort(), names);
  await Promise.all(names.map(async (name) => fs.rm(`${there}/${name}`)));
  t.deepEqual(await fs.readdir(here), []);
});

test.serial('what is shared for reading only is not changed', async (t) => {
  const mounted = await mount(t, { isReadOnly: true });
  if (mounted === undefined) {
    return;
  }
  const { here, there } = mounted;
  await fs.writeFile(`${here}/a`, 'text');
  t.is(await fs.readFile(`${there}/a`, 'utf8'), 'text');
  for (const work of [
    fs.writeFile(`${there}/a`, 'x'),
    fs.writeFile(`${there}/b`, 'x'),
    fs.mkdir(`${there}/d`),
    fs.rm(`${there}/a`),
    fs.chmod(`${there}/a`, 0o600),
    fs.truncate(`${there}/a`, 0),
    fs.rename(`${there}/a`, `${there}/c`),
    fs.symlink('a', `${there}/l`),
    fs.link(`${there}/a`, `${there}/h`),
  ]) {
    t.not(await code(work), 'none');
  }
  t.deepEqual(await fs.readdir(here), ['a']);
  t.is(await fs.readFile(`${here}/a`, 'utf8'), 'text');
});
