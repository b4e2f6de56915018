import { rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { isGone } from '../../support/cli.ts';
import { withPlugin } from '../../support/go-plugin.ts';

// A machine's life through the command line, with a plugin in Go that uses nothing of ours.

test('a machine of a plugin, from create to rm', async (t) => {
  await withPlugin(t, async ({ tsmachine, machinePid, record, leftPlugins }) => {
    const flags = ['--ci-label', 'größe 😀', '--ci-token', 'hidden-word', '--ci-opt', 'x,y', '--ci-fast'];
    const created = await tsmachine(['create', '-d', 'ci-test', ...flags, '--swarm-master', 'm']);
    t.is(created.code, 0, created.stderr);
    t.regex(created.stderr, /\(m\) making it\n/);
    t.notRegex(created.stderr, /looking closely|hidden-word/);
    t.like(await record('m'), {
      MachineName: 'm',
      Label: 'größe 😀',
      Memory: 2 ** 40,
      Offset: -5,
      Opts: ['x,y'],
      Fast: true,
      Token: 'hidden-word',
      SwarmMaster: true,
      SwarmHost: 'tcp://0.0.0.0:3376',
    });
    const pid = await machinePid('m');
    t.false(await isGone(pid));
    t.regex((await tsmachine(['ls'])).stdout, /^m +- +ci-test +Running +tcp:\/\/127\.0\.0\.1:1 /m);
    t.is((await tsmachine(['status', 'm'])).stdout, 'Running\n');
    t.is((await tsmachine(['url', 'm'])).stdout, 'tcp://127.0.0.1:1\n');
    t.is((await tsmachine(['ip', 'm'])).stdout, '127.0.0.1\n');
    t.regex((await tsmachine(['inspect', 'm'])).stdout, /"SerialNumber": 1152921504606846977,/);
    const stopped = await tsmachine(['stop', 'm']);
    t.is(stopped.code, 0, stopped.stderr);
    t.true(await isGone(pid), 'stop waits until it has stopped');
    t.is((await tsmachine(['status', 'm'])).stdout, 'Stopped\n');
    t.is((await tsmachine(['start', 'm'])).code, 0);
    t.is((await tsmachine(['restart', 'm'])).code, 0);
    t.is((await record('m'))['Restarts'], 1, 'restarted by the driver itself');
    const second = await machinePid('m');
    t.not(second, pid);
    t.is((await tsmachine(['kill', 'm'])).code, 0);
    t.true(await isGone(second));
    t.is((await tsmachine(['start', 'm'])).code, 0);
    const third = await machinePid('m');
    t.is((await tsmachine(['rm', '-y', 'm'])).code, 0);
    t.true(await isGone(third), 'rm removes what runs');
    t.is((await tsmachine(['ls', '-q'])).stdout, '');
    t.deepEqual(await leftPlugins(), []);
  });
});

test('flags come from the environment where none is given', async (t) => {
  await withPlugin(t, async ({ tsmachine, record }) => {
    const env = { CI_LABEL: 'from env', CI_OPTIONS: 'p, q', CI_MEMORY: '0x10', CI_FAST: 'true' };
    const created = await tsmachine(['create', '-d', 'ci-test', 'm'], '', { env });
    t.is(created.code, 0, created.stderr);
    t.like(await record('m'), { Label: 'from env', Opts: ['p', 'q'], Memory: 16, Fast: true });
  });
});

test('the help of a driver shows the flags that its plugin tells', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const help = await tsmachine(['create', '-d', 'ci-test', '--help']);
    t.is(help.code, 0, help.stderr);
    t.regex(help.stdout, /--ci-label [\s\S]*größe and 😀[\s\S]*"?plain"?[\s\S]*CI_LABEL/);
    t.regex(help.stdout, /--ci-memory /);
    t.regex(help.stdout, /--ci-offset [\s\S]*-5/);
    const wrong = await tsmachine(['create', '-d', 'ci-test', '--ci-nosuch', '1', 'm']);
    t.is(wrong.code, 2);
    t.regex(wrong.stderr, /flag provided but not defined: -ci-nosuch/);
  });
});

test('help and completion do not start a plugin', async (t) => {
  await withPlugin(t, async ({ tsmachine, store }) => {
    const pids = path.join(path.dirname(store.path), 'none-may-be-started');
    for (const args of [['--help'], ['create', '--help'], ['completion', 'bash'], ['ls']]) {
      const outcome = await tsmachine(args, '', { env: { GOPLUGIN_PIDS: pids } });
      t.is(outcome.code, 0, outcome.stderr);
    }
    await t.throwsAsync(rm(pids), { code: 'ENOENT' });
  });
});

test('log lines of the driver are shown with --debug, the name of the machine before them', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const { stderr } = await tsmachine(['--debug', 'create', '-d', 'ci-test', 'm']);
    t.regex(stderr, /\(m\) DBG \| looking closely\n/);
  });
});

test('keys of the driver that no flag sets are given as JSON', async (t) => {
  await withPlugin(t, async ({ tsmachine, record }) => {
    const raw = ['--driver-opt-raw', 'Restarts=41', '--driver-opt-raw', 'IPAddress="192.0.2.1"'];
    t.is((await tsmachine(['create', '-d', 'ci-test', ...raw, 'm'])).code, 0);
    t.is((await record('m'))['Restarts'], 41);
    const wrong = await tsmachine(['create', '-d', 'ci-test', '--driver-opt-raw', 'Restarts', 'n']);
    t.is(wrong.code, 2);
    t.regex(wrong.stderr, /KEY=JSON/);
  });
});

test('a machine whose plugin has gone is told how to be removed', async (t) => {
  await withPlugin(t, async ({ tsmachine, machinePid, store }) => {
    t.is((await tsmachine(['create', '-d', 'ci-test', 'm'])).code, 0);
    const pid = Number(await machinePid('m'));
    const gone = { env: { PATH: path.dirname(process.execPath) } };
    const refused = await store.tsmachine(['rm', '-y', 'm'], gone);
    t.is(refused.code, 1);
    t.regex(
      refused.stderr,
      /Driver "ci-test" not found\. Do you have the plugin binary accessible in your PATH\?/,
    );
    t.regex(refused.stderr, /rm -f m/);
    const create = await store.tsmachine(['create', '-d', 'nosuch', 'x'], gone);
    t.is(create.code, 2);
    t.regex(
      create.stderr,
      /Driver "nosuch" not found\. Do you have the plugin binary "docker-machine-driver-nosuch" accessible in your PATH\?/,
    );
    const forced = await store.tsmachine(['rm', '-f', '-y', 'm'], gone);
    t.is(forced.code, 0, forced.stderr);
    process.kill(pid, 'SIGKILL');
  });
});
