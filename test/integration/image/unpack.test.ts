import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';

const { files } = createHost();
const plain = Buffer.alloc(5_000_000, 'what a machine boots ');
const packed = brotliCompressSync(plain, {
  params: {
    [constants.BROTLI_PARAM_QUALITY]: 3,
    [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
    [constants.BROTLI_PARAM_LGWIN]: 28,
  },
});

async function places(t: ExecutionContext, content: Uint8Array): Promise<{ from: string; to: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-unpack-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const from = path.join(folder, 'packed.br');
  await writeFile(from, content);
  return { from, to: path.join(folder, 'plain') };
}

async function isGone(file: string): Promise<boolean> {
  return !(await readdir(path.dirname(file))).includes(path.basename(file));
}

test('a file with a window of 256 MiB comes out as it was, with its mode and its progress', async (t) => {
  const { from, to } = await places(t, packed);
  const progress: number[] = [];
  await files.unpackBrotli(from, to, {
    sizeMaxBytes: plain.length,
    mode: 0o400,
    onProgress: (done) => void progress.push(done),
  });
  t.true((await readFile(to)).equals(plain));
  t.is((await stat(to)).mode & 0o777, process.platform === 'win32' ? 0o444 : 0o400);
  t.true(progress.length >= 2);
  t.is(progress.at(-1), plain.length);
});

test('damaged, cut and endless content is refused, and nothing is left', async (t) => {
  const damaged = Buffer.from(packed);
  damaged.fill(0xff, 6, 24);
  for (const [name, content] of [
    ['damaged', damaged],
    ['cut', packed.subarray(0, -3)],
    ['empty', Buffer.alloc(0)],
    ['something else', Buffer.from('no brotli at all, '.repeat(20))],
  ] as const) {
    const { from, to } = await places(t, content);
    const unpacking = files.unpackBrotli(from, to, { sizeMaxBytes: 1e9, mode: 0o400 });
    const error = await t.throwsAsync(unpacking, { instanceOf: MachineError, code: 'image-invalid' }, name);
    t.true(error.message.includes(from), name);
    t.true(await isGone(to), name);
  }
  const { from, to } = await places(t, packed);
  const unpacking = files.unpackBrotli(from, to, { sizeMaxBytes: plain.length - 1, mode: 0o400 });
  const error = await t.throwsAsync(unpacking, { instanceOf: MachineError, code: 'image-invalid' });
  t.regex(error.why ?? '', /more than the 4999999 bytes/);
  t.true(await isGone(to));
});

test('what is there is not overwritten, and a missing file is said as the system says it', async (t) => {
  const { from, to } = await places(t, packed);
  await writeFile(to, 'mine');
  const options = { sizeMaxBytes: plain.length, mode: 0o400 };
  await t.throwsAsync(files.unpackBrotli(from, to, options), { code: 'EEXIST' });
  t.is(await readFile(to, 'utf8'), 'mine');
  await t.throwsAsync(files.unpackBrotli(`${from}.missing`, `${to}.2`, options), { code: 'ENOENT' });
  t.true(await isGone(`${to}.2`));
});

test('an abort ends it with its reason and leaves nothing', async (t) => {
  const { from, to } = await places(t, packed);
  const abort = new AbortController();
  const reason = new MachineError('interrupted', 'Interrupted.');
  const unpacking = files.unpackBrotli(from, to, {
    sizeMaxBytes: plain.length,
    mode: 0o400,
    signal: abort.signal,
    onProgress: () => {
      abort.abort(reason);
    },
  });
  t.is(await t.throwsAsync(unpacking, { code: 'interrupted' }), reason);
  t.true(await isGone(to));
});
