import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { run } from '../../../src/cli/main.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { hostile, isInstalled, realShells, values, type RealShell } from './real-shells.ts';

// The whole way of `env`: from the path of a store and the proxies in the environment to the variables of a shell.

const program = join(import.meta.dirname, '../../../../bin/tsmachine.js');
const variables = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME', 'NO_PROXY'];
const record = JSON.stringify({
  ConfigVersion: 3,
  Driver: { IPAddress: '192.0.2.7', MachineName: 'm', URL: 'tcp://192.0.2.7:2376' },
  DriverName: 'none',
  HostOptions: {},
  Name: 'm',
});

/** Stores and values of NO_PROXY that are evaluated in each shell. */
const valueCount = 150;

/** What the command prints, in this process. */
async function env(storePath: string, noProxy: string, args: readonly string[]): Promise<string | undefined> {
  const host = createFakeHost({
    env: { HTTP_PROXY: 'http://proxy.example:3128', NO_PROXY: noProxy },
    tree: { [`${storePath}/machines/m/config.json`]: record },
  });
  const io = createFakeIo(host);
  const code = await run(['--storage-path', storePath, 'env', '--no-check', ...args, 'm'], io);
  if (code !== 0 && !/\[shell-unquotable\]/.test(io.stderr.text)) {
    throw new Error(`${storePath}: ${io.stderr.text}`);
  }
  return code === 0 ? io.stdout.text : undefined;
}

interface Evaluated {
  readonly seen: string;
  /** Files that a command in a value has made. */
  readonly made: readonly string[];
}

/** Runs lines in a shell; what they say, and what they leave in the directory. */
function evaluate(
  real: RealShell,
  lines: readonly string[],
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Evaluated {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-env-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text);
    }
    writeFileSync(join(directory, 'script.ps1'), `${lines.join('\n')}\n`);
    const { stdout } = spawnSync(real.program, [...real.args, 'script.ps1'], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 120_000,
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: process.env['PATH'] ?? '', HOME: directory, LANG: 'C.UTF-8', ...environment },
    });
    const made = readdirSync(directory).filter(
      (name) => !Object.hasOwn(files, name) && name !== 'script.ps1' && !name.startsWith('.'),
    );
    return { seen: stdout, made };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const printAll = variables.map((name) => `printenv ${name}`);

for (const real of realShells.filter(({ evaluate: way }) => !way.includes('eval $('))) {
  const [form = 'sh'] = real.forms;
  test.serial(`${real.program}: hundreds of stores and proxies arrive as they are`, async (t) => {
    if (!isInstalled(real)) {
      t.log(`skipped: needs ${real.program}`);
      t.pass();
      return;
    }
    t.timeout(150_000);
    const samples = [...hostile, ...fc.sample(values, { numRuns: valueCount, seed: 7 })];
    const files: Record<string, string> = {};
    const lines: string[] = [];
    const wanted: string[] = [];
    for (const [index, value] of samples.entries()) {
      const storePath = `/home/ann/${value.replaceAll(/[\0/]/g, '_')}`;
      const noProxy = (samples.at(-index - 1) ?? '').replaceAll('\0', '');
      const text = await env(storePath, noProxy, ['--shell', form]);
      if (text !== undefined) {
        files[`OUT${index}`] = text;
        lines.push(real.evaluate.replace('OUT', `OUT${index}`), ...printAll);
        const told = JSON.parse((await env(storePath, noProxy, ['--json'])) ?? '') as Record<string, string>;
        // A list that covers the machine already is not set again: the shell still has the one before.
        const before = wanted.slice(-variables.length);
        wanted.push(...variables.map((name, at) => told[name] ?? before[at] ?? ''));
      }
    }
    const { seen, made } = evaluate(real, lines, files);
    t.deepEqual(made, []);
    t.deepEqual(seen.split('\n').slice(0, -1), wanted);
    t.true(wanted.length > (variables.length * samples.length) / 5);
  });

  test.serial(`${real.program}: the program itself, in stores with hostile names`, (t) => {
    if (!isInstalled(real) || real.program === 'pwsh') {
      t.log(`skipped: needs ${real.program}`);
      t.pass();
      return;
    }
    t.timeout(150_000);
    const home = mkdtempSync(join(tmpdir(), 'tsmachine-stores-'));
    try {
      const name = `jo's "$(touch PWNED)" \`touch PWNED\` \\ & é`;
      const machine = join(home, name, 'machines', 'm');
      mkdirSync(machine, { recursive: true });
      writeFileSync(join(machine, 'config.json'), record, { mode: 0o600 });
      mkdirSync(join(home, 'bin'));
      writeFileSync(
        join(home, 'bin', 'tsmachine'),
        `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`,
      );
      chmodSync(join(home, 'bin', 'tsmachine'), 0o755);
      const command = `tsmachine env --no-check --shell ${form} m`;
      const { seen, made } = evaluate(
        real,
        [real.evaluate.replace('cat OUT', command), ...printAll],
        {},
        {
          PATH: [join(home, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
          MACHINE_STORAGE_PATH: join(home, name),
          https_proxy: 'http://proxy.example:3128',
          NO_PROXY: '$(touch PWNED),a;b',
        },
      );
      t.deepEqual(made, []);
      t.deepEqual(seen.split('\n'), [
        '1',
        'tcp://192.0.2.7:2376',
        machine,
        'm',
        '$(touch PWNED),a;b,192.0.2.7',
        '',
      ]);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
}
