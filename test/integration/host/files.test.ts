import { execFile, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';

const run = promisify(execFile);
const { files } = createHost();
const childProgram = path.join(import.meta.dirname, 'files-child.js');
const codeOf = (error: unknown): string => String((error as { code?: unknown }).code);
const isUnix = process.platform !== 'win32';

async function scratch(t: ExecutionContext): Promise<string> {
  const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-files-'));
  t.teardown(async () => fs.rm(dir, { recursive: true, force: true }));
  return dir;
}

async function modeOf(name: string): Promise<number> {
  return (await fs.lstat(name)).mode & 0o7777;
}

test.serial('modes are exact whatever the umask', async (t) => {
  if (!isUnix) {
    t.log('skipped: needs permission bits');
    t.pass();
    return;
  }
  // ava runs tests in worker threads, where the umask cannot be changed: a child does it.
  for (const umask of ['000', '022', '077']) {
    const dir = await scratch(t);
    const loose = path.join(dir, 'loose');
    await fs.writeFile(loose, 'old');
    await fs.chmod(loose, 0o644);
    await inChild(['modes', dir, umask]);
    t.is(await modeOf(path.join(dir, 'atomic')), 0o600, umask);
    t.is(await modeOf(path.join(dir, 'loose')), 0o600, umask);
    t.is(await modeOf(path.join(dir, 'public')), 0o644, umask);
    t.is(await modeOf(path.join(dir, 'new')), 0o640, umask);
    t.is(await modeOf(path.join(dir, 'log')), 0o600, umask);
    t.is(await modeOf(path.join(dir, 'copy')), 0o400, umask);
    t.is(await modeOf(path.join(dir, 'a')), 0o700, umask);
    t.is(await modeOf(path.join(dir, 'a/b')), 0o700, umask);
  }
});

test('an atomic write leaves one whole file and nothing else', async (t) => {
  const dir = await scratch(t);
  const name = path.join(dir, 'config.json');
  await files.writeAtomic(name, 'one', 0o600);
  await files.writeAtomic(name, new Uint8Array([1, 2, 3]), 0o600);
  t.deepEqual([...(await files.readBytes(name))], [1, 2, 3]);
  t.deepEqual(await fs.readdir(dir), ['config.json']);
});

test('a planted symlink is replaced, never followed', async (t) => {
  const dir = await scratch(t);
  const victim = path.join(dir, 'victim');
  const name = path.join(dir, 'config.json');
  await fs.writeFile(victim, 'precious');
  await fs.symlink(victim, name);
  await files.writeAtomic(name, 'mine', 0o600);
  t.is(await fs.readFile(victim, 'utf8'), 'precious');
  t.true((await fs.lstat(name)).isFile());
  // The names of temporary files can be guessed as well.
  for (let count = 0; count < 50; count += 1) {
    await fs.symlink(victim, `${name}.tmp-${process.pid}-${count}`);
  }
  await files.writeAtomic(name, 'again', 0o600);
  t.is(await fs.readFile(victim, 'utf8'), 'precious');
  t.is(await files.readText(name), 'again');
  const log = path.join(dir, 'log');
  await fs.symlink(victim, log);
  const error = await t.throwsAsync(files.appendDurable(log, 'x'), { instanceOf: MachineError });
  t.is(error.code, 'store-write-failed');
  t.is(await fs.readFile(victim, 'utf8'), 'precious');
});

test('a write that fails names the path, keeps the cause and the old file', async (t) => {
  const dir = await scratch(t);
  const name = path.join(dir, 'missing', 'config.json');
  const error = await t.throwsAsync(files.writeAtomic(name, 'x', 0o600), { instanceOf: MachineError });
  t.is(error.code, 'store-write-failed');
  t.true(error.message.includes(name));
  t.is(codeOf(error.cause), 'ENOENT');
  t.is(error.facts.systemCode, 'ENOENT');
  const occupied = path.join(dir, 'directory');
  await fs.mkdir(occupied);
  await t.throwsAsync(files.writeAtomic(occupied, 'x', 0o600), { instanceOf: MachineError });
  t.deepEqual(await fs.readdir(dir), ['directory']);
});

test('what exists is not overwritten by writeNew, link and copy', async (t) => {
  const dir = await scratch(t);
  const [one, two] = [path.join(dir, 'one'), path.join(dir, 'two')];
  await files.writeNew(one, '1', 0o600);
  await files.writeNew(two, '2', 0o600);
  t.is(codeOf(await t.throwsAsync(files.writeNew(one, 'x', 0o600))), 'EEXIST');
  t.is(codeOf(await t.throwsAsync(files.link(one, two))), 'EEXIST');
  t.is(codeOf(await t.throwsAsync(files.copy(one, two, 0o600))), 'EEXIST');
  t.is(await files.readText(two), '2');
  await files.link(one, path.join(dir, 'three'));
  await files.copy(one, path.join(dir, 'four'), 0o400);
  t.is(await files.readText(path.join(dir, 'three')), '1');
  t.is(await files.readText(path.join(dir, 'four')), '1');
});

test('reading, listing, appending, hashing, removing', async (t) => {
  const dir = await scratch(t);
  const name = path.join(dir, 'log');
  await files.appendDurable(name, 'one\n');
  await files.appendDurable(name, 'two\n');
  t.is(await files.readText(name), 'one\ntwo\n');
  t.is(Buffer.from(await files.readRange(name, 4, 3)).toString(), 'two');
  t.is((await files.readRange(name, 100, 3)).length, 0);
  t.is((await files.readRange(name, 6, 1000)).length, 2);
  t.is(await files.sha256(name), createHash('sha256').update('one\ntwo\n').digest('hex'));
  t.like(await files.stat(name), { kind: 'file', sizeBytes: 8 });
  t.is(await files.stat(path.join(dir, 'none')), undefined);
  t.is(await files.stat(path.join(name, 'below')), undefined);
  await files.makeDirectory(path.join(dir, 'a/b'), 0o700);
  await files.makeDirectory(path.join(dir, 'a/b'), 0o777);
  await fs.symlink(name, path.join(dir, 'link'));
  const entries = await files.list(dir);
  t.deepEqual(entries.map(({ name: entry, kind }) => `${entry} ${kind}`).sort(), [
    'a directory',
    'link symlink',
    'log file',
  ]);
  t.is((await files.stat(path.join(dir, 'link')))?.kind, 'symlink');
  t.is(await files.realPath(path.join(dir, 'link')), await fs.realpath(name));
  await fs.symlink(dir, path.join(dir, 'a/up'));
  await files.remove(path.join(dir, 'a'));
  await files.remove(path.join(dir, 'a'));
  t.is(await files.readText(name), 'one\ntwo\n');
  t.true((await files.freeBytes(dir)) > 0);
  t.is(codeOf(await t.throwsAsync(files.list(path.join(dir, 'none')))), 'ENOENT');
  t.is(codeOf(await t.throwsAsync(files.readText(path.join(dir, 'none')))), 'ENOENT');
});

test.serial('60 kills of a writer never leave a broken file', async (t) => {
  const dir = await scratch(t);
  const name = path.join(dir, 'config.json');
  await files.writeAtomic(name, JSON.stringify({ end: true }), 0o600);
  let changed = 0;
  let last = '';
  for (let kill = 0; kill < 60; kill += 1) {
    const child = fork(childProgram, ['writer', name], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await new Promise((resolve) => child.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, (kill * 7) % 23));
    child.kill('SIGKILL');
    await ended;
    const text = await fs.readFile(name, 'utf8');
    t.true((JSON.parse(text) as { end?: unknown }).end === true, `kill ${kill}`);
    changed += text === last ? 0 : 1;
    last = text;
  }
  t.true(changed > 40, `the writers wrote: ${changed}`);
});

test.serial('a full disk leaves the old file and no temporary one', async (t) => {
  const dir = await scratch(t);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]);
  } catch {
    t.log('skipped: needs root and tmpfs');
    t.pass();
    return;
  }
  try {
    const name = path.join(dir, 'config.json');
    const log = path.join(dir, 'journal.jsonl');
    await files.writeAtomic(name, 'old', 0o600);
    await files.appendDurable(log, 'line\n');
    for (let sizeBytes = 4096; sizeBytes <= 128 * 1024; sizeBytes += 4096) {
      const before = await fs.readFile(name, 'utf8');
      const after = 'x'.repeat(sizeBytes);
      const error = await files.writeAtomic(name, after, 0o600).then(
        () => undefined,
        (thrown: unknown) => thrown as MachineError,
      );
      t.is(await fs.readFile(name, 'utf8'), error === undefined ? after : before, `${sizeBytes} bytes`);
      if (error !== undefined) {
        t.is(error.code, 'store-write-failed');
        t.true(error.message.includes(name));
        t.is(error.facts.systemCode, 'ENOSPC');
      }
      t.deepEqual((await fs.readdir(dir)).sort(), ['config.json', 'journal.jsonl']);
    }
    await t.throwsAsync(files.appendDurable(log, 'y'.repeat(100_000)), { instanceOf: MachineError });
    t.is(await fs.readFile(log, 'utf8'), 'line\n');
    await t.throwsAsync(files.writeNew(path.join(dir, 'new'), 'y'.repeat(100_000), 0o600), {
      instanceOf: MachineError,
    });
    t.is(await files.stat(path.join(dir, 'new')), undefined);
  } finally {
    await run('umount', [dir]);
  }
});

async function inChild(args: readonly string[]): Promise<void> {
  await run(process.execPath, [childProgram, ...args]);
}

test('crc32 is that of zlib, for files of any length', async (t) => {
  const dir = await scratch(t);
  const name = path.join(dir, 'data');
  for (const length of [0, 1, 65_535, 65_536, 65_537, 3_000_001]) {
    const data = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) {
      data[at] = (at * 2_654_435_761) >>> 13;
    }
    await fs.writeFile(name, data);
    t.is(await files.crc32(name), crc32(data), String(length));
  }
  // The check value of the polynomial, https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc
  await fs.writeFile(name, '123456789');
  t.is(await files.crc32(name), 0xcbf43926);
  await t.throwsAsync(files.crc32(path.join(dir, 'none')), { code: 'ENOENT' });
});

test('bytes in the middle of a file are overwritten, and nothing else; there must be a file', async (t) => {
  const name = path.join(await scratch(t), 'disk');
  await fs.writeFile(name, '0123456789', { mode: 0o600 });
  await files.overwrite(name, 3, new TextEncoder().encode('abc'));
  t.is(await fs.readFile(name, 'utf8'), '012abc6789');
  const error = await t.throwsAsync(files.overwrite(`${name}2`, 0, new Uint8Array(1)), {
    instanceOf: MachineError,
  });
  t.is(codeOf(error), 'store-write-failed');
  t.is(await files.stat(`${name}2`), undefined);
});
