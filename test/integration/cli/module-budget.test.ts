import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { makeMachineStore } from '../ssh/machine-store.ts';

const packageRoot = join(import.meta.dirname, '../../../..');
const program = join(packageRoot, 'bin', 'tsmachine.js');

interface Loaded {
  /** Files of this project, relative to its root. */
  readonly own: readonly string[];
  /** Files of packages. */
  readonly foreign: readonly string[];
}

/** Runs a command line in a process of its own; V8's coverage names every module that it loaded. */
function modulesOf(
  args: readonly string[],
  storePath: string,
  env: Readonly<Record<string, string>> = {},
): Loaded {
  const coverage = mkdtempSync(join(tmpdir(), 'tsmachine-coverage-'));
  try {
    const result = spawnSync(process.execPath, [program, ...args], {
      encoding: 'utf8',
      timeout: 60_000,
      env: {
        ...process.env,
        NODE_V8_COVERAGE: coverage,
        MACHINE_STORAGE_PATH: storePath,
        SHELL: '/bin/bash',
        ...env,
      },
    });
    if (result.status !== 0) {
      throw new Error(`${args.join(' ')} ended with ${result.status ?? 'a signal'}: ${result.stderr}`);
    }
    const urls = readdirSync(coverage).flatMap((file) => {
      const text = readFileSync(join(coverage, file), 'utf8');
      return (JSON.parse(text) as { readonly result: readonly { readonly url: string }[] }).result.map(
        ({ url }) => url,
      );
    });
    const files = [...new Set(urls.filter((url) => url.startsWith('file:')))];
    const isForeign = (url: string): boolean => url.includes('/node_modules/');
    return {
      own: files
        .filter((url) => !isForeign(url))
        .map((url) => url.slice(url.indexOf(packageRoot) + packageRoot.length + 1)),
      foreign: files.filter(isForeign),
    };
  } finally {
    rmSync(coverage, { recursive: true });
  }
}

/** Modules of ours that a command may load; each costs about a millisecond of the start. They are bundled into one. */
const ownMax: Readonly<Record<string, number>> = {
  'ls -q': 3,
  'ls -q --filter name=a --filter state=Running': 4,
  'inspect a': 3,
  'inspect -f {{.Name}} a': 4,
  'url a': 3,
  'ip a': 3,
  'status a': 3,
  version: 12,
  'env --no-check a': 4,
  'config --no-check a': 4,
  // Called by the hundred, and with hundreds of others at the same time.
  'create -d none --url tcp://127.0.0.1:1 b': 4,
  'rm -y b': 4,
  // Runs at every tab key.
  'completion words start =': 3,
};

test('read-only commands load few modules and no package', (t) => {
  const storePath = mkdtempSync(join(tmpdir(), 'tsmachine-store-'));
  try {
    const create = ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', 'a'];
    t.true(modulesOf(create, storePath).own.length > 0);
    for (const [line, max] of Object.entries(ownMax)) {
      const { own, foreign } = modulesOf(line.split(' '), storePath);
      t.deepEqual(foreign, [], line);
      t.true(own.length <= max, `${line} loads ${own.length}: ${own.join(' ')}`);
    }
    for (const line of ['ls', 'ls --json', 'ls -f {{.Name}}']) {
      t.deepEqual(modulesOf(line.split(' '), storePath).foreign, [], line);
    }
  } finally {
    rmSync(storePath, { recursive: true });
  }
});

test('ssh with the ssh program loads few modules and no package', async (t) => {
  if (process.platform === 'win32') {
    t.log('skipped: needs a script as a program');
    t.pass();
    return;
  }
  const store = makeMachineStore();
  try {
    writeFileSync(join(store.files, 'ssh'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    const key = generateSshKeyPair({ randomBytes }, 'x');
    await store.add('a', { user: 'docker', port: 1, hostKey: key, userKey: key });
    const PATH = [store.files, process.env['PATH'] ?? ''].join(delimiter);
    // The second call finds the files that the first has written.
    modulesOf(['ssh', 'a', 'true'], store.path, { PATH });
    const { own, foreign } = modulesOf(['ssh', 'a', 'true'], store.path, { PATH });
    t.deepEqual(foreign, []);
    // The machine's process is asked for its state, and the program needs a module of its own.
    t.true(own.length <= 5, own.join(' '));
  } finally {
    store.dispose();
  }
});
