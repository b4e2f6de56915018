import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { isGone, machinesLeft, makeStore, projectRoot, type TestStore } from '../support/cli.ts';

// `create` of a QEMU machine, killed with SIGKILL before every line of its journal. At every other point the
// machine is removed, at the others its create is resumed.

const killer = pathToFileURL(path.join(projectRoot, 'test', 'fixtures', 'kill-at-journal.mjs')).href;
const create = ['create', '-d', 'qemu', '--memory', '1024', 'victim'];
/** Booted: the guest of the machine itself is what these tests interrupt. */
const boot = [...create, '--cold'];
const writesMax = 60;

/** pid of the machine's QEMU, if one was ever started. */
async function qemuPid(store: TestStore): Promise<string | undefined> {
  const file = path.join(store.path, 'machines', 'victim', 'qemu.pid');
  return (await readFile(file, 'utf8').catch(() => undefined))?.trim();
}

async function removed(t: ExecutionContext, store: TestStore): Promise<void> {
  const pid = await qemuPid(store);
  const outcome = await store.tsmachine(['rm', '-y', 'victim']);
  t.is(outcome.code, 0, outcome.stderr);
  t.deepEqual(await machinesLeft(store), [], 'no file and no lock is left');
  t.true(pid === undefined || (await isGone(pid)), 'no process is left');
}

async function isReady(store: TestStore): Promise<boolean> {
  const sidecar = await readFile(path.join(store.path, 'machines', 'victim', 'tsmachine.json'), 'utf8');
  return sidecar.includes('"phase": "ready"');
}

test.serial('killed at every journal point: resume finishes, rm leaves nothing', async (t) => {
  t.timeout(900_000);
  const store = await makeStore();
  let points = 0;
  try {
    for (let at = 1; at <= writesMax; at += 1) {
      const killed = await store.tsmachine(create, {
        env: { NODE_OPTIONS: `--import ${killer}`, KILL_AT: String(at), KILL_WHEN: 'before' },
      });
      if (killed.signal !== 'SIGKILL') {
        t.is(killed.code, 0, killed.stderr);
        break;
      }
      points += 1;
      const names = (await store.tsmachine(['ls', '-q'])).stdout.trim();
      if (names === '') {
        continue;
      }
      if (at % 2 === 0) {
        const resumed = await store.tsmachine(['create', '--resume', 'victim']);
        t.true(
          resumed.code === 0 || resumed.stderr.includes('is complete'),
          `point ${at}: ${resumed.stderr}`,
        );
        t.true(await isReady(store));
        t.is((await store.tsmachine(['config', 'victim'])).code, 0, 'the engine answers over TLS');
      }
      await removed(t, store);
    }
    t.true(points >= 14, `only ${points} points were tried`);
  } finally {
    await store.dispose();
  }
});

test.serial('killed while the guest boots: resume waits for the same guest', async (t) => {
  const store = await makeStore();
  try {
    const child = spawn(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...boot], {
      env: { ...process.env, MACHINE_STORAGE_PATH: store.path },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    await waitForText(child.stderr, 'stage2 after');
    child.kill('SIGKILL');
    const pid = await qemuPid(store);
    t.truthy(pid);
    const resumed = await store.tsmachine(['create', '--resume', 'victim']);
    t.is(resumed.code, 0, resumed.stderr);
    t.is(await qemuPid(store), pid, 'no second QEMU was started');
    await removed(t, store);
  } finally {
    await store.dispose();
  }
});

test.serial('Ctrl-C while the guest boots rolls everything back', async (t) => {
  const store = await makeStore();
  try {
    const child = spawn(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...boot], {
      env: { ...process.env, MACHINE_STORAGE_PATH: store.path },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await waitForText(child.stderr, 'stage2 after');
    const pid = await qemuPid(store);
    child.kill('SIGINT');
    t.is(await ended, 130);
    t.deepEqual(await machinesLeft(store), []);
    t.true(pid !== undefined && (await isGone(pid)));
    t.is((await store.tsmachine(['ls', '-q'])).stdout, '');
  } finally {
    await store.dispose();
  }
});

async function waitForText(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  let seen = '';
  const found = new Promise<void>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) {
        resolve();
      }
    });
  });
  await Promise.race([
    found,
    sleep(120_000, undefined, { ref: false }).then(() => {
      throw new Error(`"${text}" did not come: ${seen}`);
    }),
  ]);
}
