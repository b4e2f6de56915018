import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore, type TestStore } from '../../support/cli.ts';
import { sixClouds } from '../../support/loopback-cloud/six-clouds.ts';
import { recordProcesses, startedProcesses } from '../../support/recorded-processes.ts';
import { runUntil } from '../../support/run-until.ts';

// A secret, however it is given, is in no output, in no argument of a process that is started,
// and in no file of the store but secrets.json.

/** True for a text in which a secret is, in whatever form it may come out. */
function shows(text: string, hidden: string): boolean {
  const bytes = Buffer.from(hidden);
  const forms = [hidden, encodeURIComponent(hidden), bytes.toString('base64'), bytes.toString('hex')];
  return forms.some((form) => text.includes(form));
}

/** Files of the store that have the secret. */
async function filesWithSecret(store: TestStore, hidden: string): Promise<readonly string[]> {
  const entries = await readdir(store.path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) =>
      shows(await readFile(file, 'latin1'), hidden) ? [path.relative(store.path, file)] : [],
    ),
  );
  return found.flat();
}

for (const row of sixClouds) {
  for (const way of ['flag', 'variable', 'file'] as const) {
    test.serial(`${row.driver}: a secret that is given by ${way} is seen nowhere`, async (t) => {
      t.timeout(300_000);
      if (row.missing !== undefined) {
        t.log(`skipped: ${row.missing}`);
        t.pass();
        return;
      }
      const cloud = await row.open();
      const store = await makeStore();
      try {
        const file = way === 'file' ? await cloud.byFile(path.dirname(store.path)) : { env: {}, flags: [] };
        const none = Object.fromEntries(Object.keys(cloud.byVariable).map((name) => [name, '']));
        const record = path.join(path.dirname(store.path), 'processes.jsonl');
        const env = {
          ...none,
          ...(way === 'variable' ? cloud.byVariable : {}),
          ...file.env,
          ...recordProcesses(record),
        };
        const flags = [...cloud.flags, ...(way === 'flag' ? cloud.byFlag : []), ...file.flags];
        const said = await runUntil(store, {
          args: ['--debug', 'create', '-d', row.driver, ...flags, 'dev'],
          env,
          text: 'Waiting for SSH',
        });
        t.regex(said, /Waiting for SSH/);
        t.false(shows(said, cloud.secret), said);

        const kept = path.join('machines', 'dev', 'secrets.json');
        t.deepEqual(await filesWithSecret(store, cloud.secret), way === 'flag' ? [kept] : []);
        if (way === 'flag') {
          t.is((await stat(path.join(store.path, kept))).mode & 0o777, 0o600);
        }
        for (const args of [
          ['--debug', 'inspect', 'dev'],
          ['--debug', 'ls', '--json'],
          ['--debug', 'status', 'dev'],
          ['--debug', 'gc', '--dry-run'],
          ['--debug', 'config', 'dev'],
          ['--debug', 'rm', '-y', 'dev'],
        ]) {
          const { stdout, stderr } = await store.tsmachine(args, { env });
          t.false(shows(`${stdout}${stderr}`, cloud.secret), args.join(' '));
        }
        t.deepEqual(await filesWithSecret(store, cloud.secret), [], 'rm leaves none');
        const started = (await startedProcesses(record)).map((argv) => argv.join(' '));
        t.deepEqual(
          started.filter((line) => shows(line, cloud.secret)),
          [],
        );
      } finally {
        await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
        await store.dispose();
        await cloud.close();
      }
    });
  }
}
