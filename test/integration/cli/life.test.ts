import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';

const program = join(import.meta.dirname, '../../../../bin/tsmachine.js');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Calls the program in a store of its own. */
function caller(storePath: string): (line: string, script?: string) => Outcome {
  return (line, script = program) => {
    const result = spawnSync(process.execPath, [script, ...line.split(' ')], {
      encoding: 'utf8',
      input: '',
      timeout: 120_000,
      env: { ...process.env, DOCKER_HOST: undefined, MACHINE_STORAGE_PATH: storePath, SHELL: '/bin/bash' },
    });
    return { code: result.status, out: result.stdout, err: result.stderr };
  };
}

test('a machine without a driver, from create to rm, in processes of their own', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-cli-'));
  const store = join(directory, 'store');
  const call = caller(store);
  try {
    const created = call('create -d none --url tcp://127.0.0.1:1 --engine-label a=b one');
    t.is(created.code, 0, created.err);
    t.is(created.out, '');
    t.regex(created.err, /run: tsmachine env one\n$/);
    t.is(call('create -d none --url tcp://127.0.0.1:1 one').code, 1);
    t.deepEqual(call('ls -q'), { code: 0, out: 'one\n', err: '' });
    t.regex(
      call('ls').out,
      /^NAME +ACTIVE +DRIVER.*\none {4}- {8}none +Running +tcp:\/\/127\.0\.0\.1:1 +Unknown +/,
    );
    t.true(call('inspect one').out.includes('"a=b"'));
    t.deepEqual(call('url one'), { code: 0, out: 'tcp://127.0.0.1:1\n', err: '' });
    const config = call('config one');
    t.is(config.code, 1);
    t.is(config.out, '');
    t.regex(config.err, /\[engine-unreachable\]/);
    t.is(call('stop one').code, 1);
    t.is(call('rm -y one').code, 0);
    t.deepEqual(call('ls -q'), { code: 0, out: '', err: '' });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('called as docker-machine it names itself so, and only errors go to stderr', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-cli-'));
  const call = caller(join(directory, 'store'));
  const script = join(directory, 'docker-machine');
  symlinkSync(program, script);
  try {
    const created = call(
      '--bugsnag-api-token=no-report create --driver none --url tcp://127.0.0.1:1 one',
      script,
    );
    t.deepEqual([created.code, created.err], [0, '']);
    t.regex(created.out, /run: docker-machine env one\n$/);
    t.regex(call('--version', script).out, /^docker-machine version \d/);
    t.regex(
      call('url nope', script).err,
      /^Docker machine "nope" does not exist\. Use "docker-machine ls" to list/,
    );
    t.is(call('rm -f one', script).err, '');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a reader that goes away is no error', async (t) => {
  const child = spawn(process.execPath, [program, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdout.destroy();
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  t.is(err, '');
  t.is(code, 0);
});
