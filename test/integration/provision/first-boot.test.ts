import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  bootScript,
  firstBootScript,
  parseFirstBoot,
  waitScript,
} from '../../../src/provision/first-boot.ts';
import { findProgram, run, type Outcome } from '../../support/cli.ts';

// A host that installs its engine while it boots, and whoever waits for that: both sides in the shells of hosts.

const shells = ['dash', 'bash', 'busybox'].filter((name) => findProgram(name) !== undefined);

interface Scene {
  readonly state: string;
  readonly cloudResult: string;
  /** Runs a script in the shell; of programs there are few besides `cloud-init`, if that is wanted. */
  readonly sh: (script: string) => Promise<Outcome>;
  readonly putCloudInit: (status: string) => Promise<void>;
  readonly stateText: () => Promise<string>;
}

async function openScene(t: ExecutionContext, shell: string): Promise<Scene> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-first-boot-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const bin = path.join(directory, 'bin');
  await mkdir(bin);
  for (const name of ['cat', 'dirname', 'flock', 'grep', 'mktemp', 'mv', 'rm', 'sleep', 'tail', 'timeout']) {
    const found = findProgram(name);
    if (found !== undefined) {
      await symlink(found, path.join(bin, name));
    }
  }
  const [file, args] =
    shell === 'busybox' ? [findProgram('busybox') ?? '', ['sh', '-s']] : [findProgram(shell) ?? '', ['-s']];
  await symlink(findProgram('sh') ?? '/bin/sh', path.join(bin, 'sh'));
  const state = path.join(directory, 'state');
  return {
    state,
    cloudResult: path.join(directory, 'result.json'),
    sh: (script) => run(file, args, { input: script, env: { PATH: bin }, timeoutMs: 60_000 }),
    putCloudInit: (status) =>
      writeFile(path.join(bin, 'cloud-init'), `#!/bin/sh\necho 'status: ${status}'\n`, { mode: 0o755 }),
    stateText: () => readFile(state, 'utf8'),
  };
}

for (const shell of shells) {
  test(`${shell}: an installation says how far it is, and never fails the boot`, async (t) => {
    const { state, cloudResult, sh, stateText } = await openScene(t, shell);
    const place = { state, cloudResult };
    t.is((await sh(bootScript(`cat ${state}; echo noise`, place))).code, 0);
    t.is(await stateText(), 'done\n');
    t.regex(await readFile(`${state}.log`, 'utf8'), /^running \d+\nnoise\n$/);
    t.is((await sh(bootScript('echo no mirror >&2; exit 3; echo never', place))).code, 0);
    t.is(await stateText(), 'failed 3\n');
    t.is((await sh(bootScript('sleep 60', place, 1))).code, 0);
    t.regex(await stateText(), /^failed \d+\n$/);
  });

  test(`${shell}: who waits is told how it ended, or why not to wait`, async (t) => {
    const { state, cloudResult, sh, putCloudInit } = await openScene(t, shell);
    const place = { state, cloudResult };
    const waited = async (limitSeconds = 60) =>
      parseFirstBoot((await sh(waitScript(place, limitSeconds))).stdout);
    t.deepEqual(await waited(), { end: 'absent', said: '' });
    await putCloudInit('running');
    t.deepEqual(await waited(0), { end: 'late', said: '' });
    await writeFile(cloudResult, '{}');
    t.deepEqual(await waited(), { end: 'skipped', said: '' });
    await rm(cloudResult);
    await putCloudInit('disabled');
    t.deepEqual(await waited(), { end: 'skipped', said: '' });

    await writeFile(state, `running ${process.pid}\n`);
    await writeFile(`${state}.log`, 'half of it\n');
    t.deepEqual(await waited(0), { end: 'late', said: 'half of it' });
    await writeFile(state, 'running 4000000\n');
    t.deepEqual(await waited(), { end: 'killed', said: 'half of it' });
    await writeFile(state, 'failed 100\n');
    t.deepEqual(await waited(), { end: 'failed', said: 'half of it' });
    await writeFile(state, `running ${process.pid}\n`);
    const waiting = waited();
    await writeFile(`${state}.new`, 'done\n');
    await sh(`mv ${state}.new ${state}`);
    t.deepEqual(await waiting, { end: 'done' });
  });

  test(`${shell}: what is done for each system is written in its syntax`, async (t) => {
    const { sh } = await openScene(t, shell);
    const script = firstBootScript({ installUrl: '', env: [] }) ?? '';
    const [, inner = ''] = /<<'(?:\w+)'\n([\s\S]*\n\} <\/dev\/null\n)\w+\n/.exec(script) ?? [];
    t.true(inner.includes('zypper') && inner.includes('apt-get'));
    const { code, stderr } = await sh(`if false; then\n${inner}fi`);
    t.deepEqual([code, stderr], [0, '']);
  });
}
