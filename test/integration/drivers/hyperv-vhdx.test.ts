import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { dynamicVhdx } from '../../../src/drivers/hyperv/vhdx/build.ts';
import { mebibyte } from '../../../src/drivers/hyperv/vhdx/format.ts';
import { growthPatches, readVhdx } from '../../../src/drivers/hyperv/vhdx/grow.ts';
import { createFiles } from '../../../src/host/files.ts';
import { findProgram, run } from '../../support/cli.ts';

// Another implementation of the format judges ours: QEMU's.

const files = createFiles(process.platform);

async function ok(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  if (code !== 0) {
    throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
  }
  return stdout;
}

async function sizeOf(file: string): Promise<number> {
  const answer = await ok('qemu-img', ['info', '--output=json', file]);
  return (JSON.parse(answer) as { 'virtual-size': number })['virtual-size'];
}

test('QEMU reads, writes and checks a disk before and after it has grown', async (t) => {
  if (findProgram('qemu-img') === undefined || findProgram('qemu-io') === undefined) {
    t.log('skipped: needs qemu-img and qemu-io');
    t.pass();
    return;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'tsm-vhdx-'));
  try {
    const file = path.join(folder, 'disk.vhdx');
    const content = new TextEncoder().encode('boot2docker, please format-me');
    const [before, after] = [1000 * mebibyte, 300_000 * mebibyte];
    const guids = [randomBytes(16), randomBytes(16), randomBytes(16)] as const;
    await files.writeNew(
      file,
      dynamicVhdx({ diskBytes: before, growsToBytes: 2 ** 41, content, guids }),
      0o600,
    );
    t.is(await sizeOf(file), before);
    await ok('qemu-img', ['check', file]);
    await ok('qemu-io', ['-f', 'vhdx', '-c', 'write -P 7 999M 1M', file]);

    const facts = await readVhdx(async (offset, length) => files.readRange(file, offset, length));
    for (const { offset, bytes } of growthPatches(facts ?? t.fail(), after, randomBytes(16))) {
      await files.overwrite(file, offset, bytes);
    }
    t.is(await sizeOf(file), after);
    await ok('qemu-io', ['-f', 'vhdx', '-c', 'write -P 8 299999M 1M', file]);
    await ok('qemu-img', ['check', file]);
    const reads = ['read -P 7 999M 1M', 'read -P 8 299999M 1M', 'read -P 0 1M 64k'];
    await ok('qemu-io', ['-r', '-f', 'vhdx', ...reads.flatMap((one) => ['-c', one]), file]);

    const raw = path.join(folder, 'beginning.raw');
    await ok('qemu-img', ['dd', '-f', 'vhdx', '-O', 'raw', `if=${file}`, `of=${raw}`, 'bs=512', 'count=1']);
    t.deepEqual(new Uint8Array(await files.readRange(raw, 0, content.length)), content);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
