import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { makeStore, projectRoot, type Outcome, type TestStore } from '../../support/cli.ts';

// `create` is killed with SIGKILL at every write of its journal, before the line and after it.

const killer = pathToFileURL(path.join(projectRoot, 'test', 'fixtures', 'kill-at-journal.mjs')).href;
const create = ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'victim'];
const moments = ['before', 'after'] as const;
// Far more than a create of this driver writes; the loop ends by itself.
const writesMax = 40;

function killedCreate(store: TestStore, at: number, when: string): Promise<Outcome> {
  return store.tsmachine(create, {
    env: { NODE_OPTIONS: `--import ${killer}`, KILL_AT: String(at), KILL_WHEN: when },
  });
}

async function leftovers(store: TestStore): Promise<string[]> {
  return readdir(path.join(store.path, 'machines'));
}

for (const when of moments) {
  test(`killed ${when} the n-th journal line: ls works, and resume finishes or rm leaves nothing`, async (t) => {
    const store = await makeStore();
    let points = 0;
    try {
      for (let at = 1; at <= writesMax; at += 1) {
        const killed = await killedCreate(store, at, when);
        if (killed.signal !== 'SIGKILL') {
          t.is(killed.code, 0, 'behind the last write the create succeeds');
          break;
        }
        points += 1;
        t.is((await store.tsmachine(['ls'])).code, 0);
        const names = (await store.tsmachine(['ls', '-q'])).stdout.trim();
        if (names === '') {
          // The name was not taken yet: the same command simply works.
          const again = await store.tsmachine(create);
          t.is(again.code, 0, again.stderr);
        } else {
          const resumed = await store.tsmachine(['create', '--resume', 'victim']);
          // Killed between the last effect and the line about it, the machine is complete already.
          t.true(resumed.code === 0 || resumed.stderr.includes('is complete'), resumed.stderr);
          const sidecar = await readFile(
            path.join(store.path, 'machines', 'victim', 'tsmachine.json'),
            'utf8',
          );
          t.regex(sidecar, /"phase": "ready"/);
        }
        const removed = await store.tsmachine(['rm', '-y', 'victim']);
        t.is(removed.code, 0, removed.stderr);
        t.deepEqual(await leftovers(store), []);
      }
      t.true(points >= 4, `only ${points} points were tried`);
    } finally {
      await store.dispose();
    }
  });

  test(`killed ${when} the n-th journal line: rm at once leaves nothing, and the name is free`, async (t) => {
    const store = await makeStore();
    try {
      for (let at = 1; at <= writesMax; at += 1) {
        const killed = await killedCreate(store, at, when);
        if (killed.signal !== 'SIGKILL') {
          break;
        }
        const removed = await store.tsmachine(['rm', '-f', '-y', 'victim']);
        t.is(removed.code, 0, removed.stderr);
        const again = await store.tsmachine(create);
        t.is(again.code, 0, again.stderr);
        await store.tsmachine(['rm', '-y', 'victim']);
        t.deepEqual(await leftovers(store), []);
      }
    } finally {
      await store.dispose();
    }
  });
}
