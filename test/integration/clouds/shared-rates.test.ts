import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { shareRates } from '../../../src/cloud/shared-rates.ts';
import { createHost } from '../../../src/host/real.ts';

const child = path.join(import.meta.dirname, 'rates-child.js');
const budget = { limits: [{ burst: 5, perSecond: 20 }], reserve: 5 };

async function scratch(t: ExecutionContext): Promise<string> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-rates-'));
  t.teardown(async () => fs.rm(directory, { recursive: true, force: true }));
  return path.join(directory, 'cache', 'rates');
}

function start(
  directory: string,
  count: number,
): { readonly process: ChildProcess; readonly times: () => Promise<number[]> } {
  const started = spawn(process.execPath, [child, directory, 'one', String(count), JSON.stringify(budget)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pieces: string[] = [];
  started.stdout.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece));
  const ended = once(started, 'close');
  return {
    process: started,
    times: async () => {
      await ended;
      return pieces
        .join('')
        .split('\n')
        .filter((line) => line !== '')
        .map(Number);
    },
  };
}

test('four processes of which one is killed stay below the limit together', async (t) => {
  const directory = await scratch(t);
  const startMs = Date.now();
  const killed = start(directory, 1000);
  const others = [start(directory, 10), start(directory, 10), start(directory, 10)];
  await once(killed.process.stdout ?? process, 'data');
  killed.process.kill('SIGKILL');
  const times = (await Promise.all(others.map(async ({ times: told }) => told()))).flat();
  t.is(times.length, 30);
  // Sleeps may be longer, never shorter.
  const lengthMs = Math.max(...times) - startMs;
  t.true(lengthMs >= ((30 - 5) / 20) * 1000, `${lengthMs} ms`);
  const [file = '', ...more] = await fs.readdir(directory);
  t.true(more.length <= 1);
  t.is((await fs.stat(path.join(directory, file))).mode & 0o777, 0o600);
});

test('a directory that cannot be written is no obstacle, and neither is a file in its place', async (t) => {
  const directory = await scratch(t);
  await fs.mkdir(path.dirname(directory), { recursive: true });
  await fs.writeFile(directory, 'a file');
  const bucket = shareRates({
    host: createHost(),
    directory,
    provider: 'cloud',
    account: async () => [],
    budget,
  });
  await t.notThrowsAsync(bucket.take());
  await t.notThrowsAsync(bucket.pause(1));
  await t.notThrowsAsync(bucket.take());
  t.is(await fs.readFile(directory, 'utf8'), 'a file');
});
