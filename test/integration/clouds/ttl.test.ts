import { readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore } from '../../support/cli.ts';
import { restsIn } from '../../support/loopback-cloud/fault-suite.ts';
import { createUntilSsh, finishRecord } from '../../support/loopback-cloud/half-made.ts';
import { sixClouds } from '../../support/loopback-cloud/six-clouds.ts';

// The time of a machine is changed where the provider keeps it. What the provider says of it is read by `gc` of a store that
// has lost the machine. The timer on the machine itself is in test/e2e.

for (const row of sixClouds) {
  const { driver } = row;
  test.serial(`${driver}: the end of a machine is set, changed and taken away`, async (t) => {
    t.timeout(300_000);
    if (row.missing !== undefined) {
      t.log(`skipped: ${row.missing}`);
      t.pass();
      return;
    }
    const cloud = await row.open();
    const store = await makeStore();
    const env = cloud.byVariable;
    const directory = path.join(store.path, 'machines', 'dev');
    const ttl = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await store.tsmachine(['ttl', '--json', 'dev', ...args], { env });
      t.is(code, 0, stderr);
      const { expires } = JSON.parse(stdout) as { readonly expires: string | null };
      return expires ?? 'never';
    };
    /** As the provider tells it, to the second. */
    const told = async (): Promise<string> => {
      const aside = path.join(path.dirname(store.path), 'aside');
      await rename(directory, aside);
      const { stdout } = await store.tsmachine(['gc', '--dry-run', '--json'], { env });
      await rename(aside, directory);
      const rows = JSON.parse(stdout) as readonly { readonly kind: string; readonly expires?: string }[];
      return toSecond(rows.find(({ kind }) => kind === 'instance')?.expires ?? 'never');
    };
    try {
      await createUntilSsh(store, ['-d', driver, ...cloud.flags, 'dev'], env);
      const young = await store.tsmachine(['ttl', 'dev', '4h'], { env });
      t.regex(young.stderr, /never finished/);
      await finishRecord(store, 'dev');
      const stopped = await store.tsmachine(['stop', 'dev'], { env });
      t.is(stopped.code, 0, stopped.stderr);
      t.is(await ttl(), 'never');
      t.is(await told(), 'never');

      const first = await ttl('4h');
      t.is(await told(), toSecond(first));
      const second = await ttl('72h');
      t.true(Date.parse(second) > Date.parse(first));
      t.is(await told(), toSecond(second));
      t.is(await ttl(), second);
      const { stdout } = await store.tsmachine(['ttl', 'dev'], { env });
      t.regex(stdout, /^dev is wanted until \S+: 71h59m\d+s more\.\n$/);
      t.is(await ttl('off'), 'never');
      t.is(await told(), 'never');

      t.is((await store.tsmachine(['ttl', 'dev', 'soon'], { env })).code, 2);
      const journal = await readFile(path.join(directory, 'journal.jsonl'), 'utf8');
      t.is(journal.match(/"step":"ttl","event":"done"/g)?.length, 3);
      await ttl('1h');
      const removed = await store.tsmachine(['rm', '-y', 'dev'], { env });
      t.is(removed.code, 0, removed.stderr);
      t.deepEqual(await restsIn(cloud), {}, 'no tag is left either');
      t.deepEqual(cloud.findings(), []);
    } finally {
      await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
      await store.dispose();
      await cloud.close();
    }
  });
}

function toSecond(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z');
}
