import { spawn } from 'node:child_process';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore, projectRoot, type TestStore } from '../../support/cli.ts';
import { startEc2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';

// A secret, however it is given, is in no output and in no file of the store but secrets.json.

const secret = 'c2VjcmV0bWFya2VydGhhdG5vYm9keW1heXNlZQ';

/** A provider with the ways in which its secret is given. */
interface Row {
  readonly driver: string;
  readonly missing: string | undefined;
  /** Starts the stand-in for the provider. */
  readonly open: () => Promise<{ readonly endpoint: string; readonly close: () => Promise<void> }>;
  /** Flags of create beside the secret. */
  readonly flags: (endpoint: string) => readonly string[];
  readonly byFlag: readonly string[];
  readonly byVariable: Readonly<Record<string, string>>;
  /** Writes the vendor's own file of credentials; gives the variables and flags that lead to it. */
  readonly byFile: (directory: string) => Promise<{
    readonly env: Readonly<Record<string, string>>;
    readonly flags: readonly string[];
  }>;
}

const rows: readonly Row[] = [
  {
    driver: 'amazonec2',
    missing: motoMissing(),
    open: async () => {
      const moto = await startMoto();
      const proxy = await startEc2Proxy(moto.url);
      const close = async (): Promise<void> => {
        await proxy.close();
        await moto.stop();
      };
      return { endpoint: proxy.endpoint, close };
    },
    flags: (endpoint) => [
      ...['--amazonec2-endpoint', endpoint, '--amazonec2-insecure-transport'],
      ...['--amazonec2-open-to', '198.18.0.0/15'],
    ],
    byFlag: ['--amazonec2-access-key', 'test', '--amazonec2-secret-key', secret],
    byVariable: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: secret },
    byFile: async (directory) => {
      const file = path.join(directory, 'credentials');
      const text = `[team]\naws_access_key_id = test\naws_secret_access_key = ${secret}\n`;
      await writeFile(file, text);
      return { env: { AWS_SHARED_CREDENTIALS_FILE: file }, flags: ['--amazonec2-profile', 'team'] };
    },
  },
];

/** The forms in which a secret may come out. */
const forms = [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('hex'),
];

function shows(text: string): boolean {
  return forms.some((form) => text.includes(form));
}

/** Files of the store that have the secret. */
async function filesWithSecret(store: TestStore): Promise<readonly string[]> {
  const entries = await readdir(store.path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) =>
      shows(await readFile(file, 'latin1')) ? [path.relative(store.path, file)] : [],
    ),
  );
  return found.flat();
}

/** Runs `--debug create` until it waits for SSH, and gives all that it printed. */
async function createUntilSsh(
  store: TestStore,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const child = spawn(
    process.execPath,
    [path.join(projectRoot, 'bin', 'tsmachine.js'), '--debug', 'create', ...args],
    { env: { ...process.env, ...env, MACHINE_STORAGE_PATH: store.path }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('Waiting for SSH')) {
        child.kill('SIGKILL');
      }
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

for (const row of rows) {
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
        const file = way === 'file' ? await row.byFile(path.dirname(store.path)) : { env: {}, flags: [] };
        const none = Object.fromEntries(Object.keys(row.byVariable).map((name) => [name, '']));
        const env = { ...none, ...(way === 'variable' ? row.byVariable : {}), ...file.env };
        const flags = [...row.flags(cloud.endpoint), ...(way === 'flag' ? row.byFlag : []), ...file.flags];
        const said = await createUntilSsh(store, ['-d', row.driver, ...flags, 'dev'], env);
        t.regex(said, /Waiting for SSH/);
        t.false(shows(said), said);

        const kept = path.join('machines', 'dev', 'secrets.json');
        t.deepEqual(await filesWithSecret(store), way === 'flag' ? [kept] : []);
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
          t.false(shows(`${stdout}${stderr}`), args.join(' '));
        }
        t.deepEqual(await filesWithSecret(store), [], 'rm leaves none');
      } finally {
        await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
        await store.dispose();
        await cloud.close();
      }
    });
  }
}
