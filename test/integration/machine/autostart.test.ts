import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { autostartFiles } from '../../../src/machine/autostart-files.ts';
import { findProgram, run } from '../../support/cli.ts';

const request = {
  name: 'dev',
  storePath: `/home/ann/100% "mine" \\ it's a$b`,
  program: [process.execPath, '/opt/ts machine/tsmachine.js'],
} as const;

test('systemd has nothing to complain of in the unit, and would have of one with a quote too many', async (t) => {
  const analyze = findProgram('systemd-analyze');
  if (process.platform !== 'linux' || analyze === undefined) {
    t.log('skipped: needs systemd-analyze');
    t.pass();
    return;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-unit-'));
  try {
    const [unit] = autostartFiles({ platform: 'linux', homeDirectory: directory, env: {} }, request) ?? [];
    const file = path.join(directory, path.basename(unit?.path ?? ''));
    const complaints = async (content: string): Promise<string[]> => {
      await writeFile(file, content);
      const { stdout, stderr } = await run(analyze, ['verify', '--man=no', file]);
      return `${stdout}${stderr}`.split('\n').filter((line) => line.includes(file));
    };
    t.deepEqual(await complaints(unit?.content ?? ''), []);
    t.not((await complaints((unit?.content ?? '').replace('\\"', '"'))).length, 0);
  } finally {
    await rm(directory, { recursive: true });
  }
});
