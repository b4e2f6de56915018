import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { makeStore, type TestStore } from '../cli.ts';
import type { CloudRequest, FaultServer } from './fault-server.ts';
import { restsIn, type Rests } from './fault-suite.ts';

// Baking, killed with SIGKILL at every request after the machine was made, when the cloud has carried it out and before the
// answer comes. Then `rm` of the machine, or `gc` where even its record is lost, leaves at most a whole image.

/** What is killed, and where. */
export interface BakeKillOptions<Request extends CloudRequest> {
  readonly server: FaultServer<Request>;
  readonly rests: () => Promise<Rests>;
  readonly driverName: string;
  readonly values: FlagValues;
  readonly env: Readonly<Record<string, string>>;
  /** Kind under which images stand in the rests. */
  readonly images: string;
  /** The first request that is no part of a create any more. */
  readonly isFirst: (request: Request) => boolean;
  readonly nameOf: (request: Request) => string;
  /** The name of the last one at which it is worth it: behind it is nothing but the removal of a machine. */
  readonly lastName: string;
}

const child = path.join(import.meta.dirname, 'bake-child.js');
const imageName = 'ci-1';
const machineName = `bake-${imageName}`;

/** @returns the requests at which it was killed, by name. */
export async function killBakeAtEveryRequest<Request extends CloudRequest>(
  t: ExecutionContext,
  options: BakeKillOptions<Request>,
): Promise<readonly string[]> {
  const { server, rests, env, images, nameOf, lastName } = options;
  const store = await makeStore();
  const asked: string[] = [];
  const seen = { halfMade: 0, whole: 0 };
  try {
    for (let next = 1; next > 0;) {
      const at = asked.at(-1) === lastName ? Infinity : next;
      next = at === Infinity ? 0 : next + 1;
      const { wasKilled, said } = await bakeUntil(store, options, at, (request) => {
        asked.push(nameOf(request));
      });
      const where = `${at}: ${asked.at(-1) ?? ''}`;
      const before = (await restsIn({ rests }))[images]?.length ?? 0;
      t.is(wasKilled, at !== Infinity, where);
      if (!wasKilled) {
        t.regex(said, /baked/, where);
        t.is(before, 1);
        t.is((await store.tsmachine(['ls', '-q'])).stdout, '');
      } else if (at % 2 === 0) {
        const removed = await store.tsmachine(['rm', '-f', '-y', machineName], { env });
        t.is(removed.code, 0, `${where}: ${removed.stderr}`);
      } else {
        await rm(path.join(store.path, 'machines', machineName), { recursive: true, force: true });
        const swept = await store.tsmachine(['gc', '-y'], { env });
        t.is(swept.code, 0, `${where}: ${swept.stderr}`);
      }
      const listed = await store.tsmachine(['image', 'baked', '--json'], { env });
      t.is(listed.code, 0, listed.stderr);
      const whole = JSON.parse(listed.stdout) as { readonly name: string }[];
      t.true(whole.length <= 1, where);
      seen.whole += whole.length;
      seen.halfMade += before > whole.length ? 1 : 0;
      if (whole.length > 0) {
        t.is(whole[0]?.name, imageName);
        const removed = await store.tsmachine(['image', 'rm', '-y', imageName], { env });
        t.is(removed.code, 0, `${where}: ${removed.stderr}`);
      }
      t.deepEqual(await restsIn({ rests }), {}, where);
    }
    t.log(`killed at ${asked.length} requests: ${asked.join(', ')}`);
    t.log(`half-made images: ${seen.halfMade}, whole ones: ${seen.whole}`);
    t.true(seen.halfMade > 0 && seen.whole > 0);
    return asked;
  } finally {
    server.onDone = () => undefined;
    await store.dispose();
  }
}

async function bakeUntil<Request extends CloudRequest>(
  store: TestStore,
  { server, driverName, values, env, isFirst }: BakeKillOptions<Request>,
  at: number,
  onKill: (request: Request) => void,
): Promise<{ readonly wasKilled: boolean; readonly said: string }> {
  const process_ = spawn(
    process.execPath,
    [child, store.path, driverName, JSON.stringify(values), imageName],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [process_.stdout, process_.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    process_.once('close', (_, signal) => {
      resolve(signal);
    });
  });
  let count = 0;
  server.onDone = (request) => {
    count += count > 0 || isFirst(request) ? 1 : 0;
    if (count === at && process_.signalCode === null && !process_.killed) {
      onKill(request);
      process_.kill('SIGKILL');
    }
  };
  const signal = await ended;
  server.onDone = () => undefined;
  return { wasKilled: signal === 'SIGKILL', said };
}
