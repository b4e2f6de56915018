import test from 'ava';
import { isGone } from '../../support/cli.ts';
import { withPlugin, type PluginScene } from '../../support/go-plugin.ts';

// What plugins do wrong, and what the user then reads.

const create = ['create', '-d', 'ci-test', 'm'];

/** Manners with which nothing can be made, and what is said about it. */
const fatal: Readonly<Record<string, { readonly code: number; readonly says: RegExp }>> = {
  api2: { code: 1, says: /speaks version 2 of the protocol; 1 is needed/ },
  'no-address': { code: 1, says: /Failed to dial the plugin server in 10s/ },
  exit: { code: 1, says: /ended with exit code 3 before it was ready[\s\S]*libluck\.so/ },
  silent: { code: 1, says: /does not answer: RPCServerDriver\.GetVersion was not answered within 10 s/ },
  refuse: { code: 3, says: /Error with pre-create check: "this host is not good enough"/ },
};

for (const [mode, { code, says }] of Object.entries(fatal)) {
  test(`a plugin that is ${mode} is told apart, and nothing is made`, async (t) => {
    await withPlugin(t, async ({ tsmachine }) => {
      const outcome = await tsmachine(create, mode);
      t.is(outcome.code, code, outcome.stderr);
      t.regex(outcome.stderr, says);
      t.is((await tsmachine(['ls', '-q'])).stdout, '');
    });
  });
}

for (const mode of ['v0', 'noisy', 'odd-flag', 'nil-interface']) {
  test(`a plugin that is ${mode} works`, async (t) => {
    await withPlugin(t, async ({ tsmachine, record }) => {
      const outcome = await tsmachine(['create', '-d', 'ci-test', '--ci-label', 'kept', 'm'], mode);
      t.is(outcome.code, 0, outcome.stderr);
      t.is((await record('m'))['Label'], 'kept');
      t.is((await tsmachine(['status', 'm'], mode)).stdout, 'Running\n');
      if (mode === 'noisy') {
        t.regex(outcome.stderr, /Welcome to this plugin/);
      }
    });
  });
}

test('a line of 1 MiB in the log is shown whole', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const { code, stderr } = await tsmachine(create, 'long-line');
    t.is(code, 0);
    t.true(stderr.includes(`${'x'.repeat(2 ** 20)}end\n`));
  });
});

test('a panic is told in full, and the machine can be removed', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const { code, stderr } = await tsmachine(create, 'panic');
    t.is(code, 1);
    t.regex(stderr, /Error in driver during machine creation: Panic in the driver: .*nil pointer/);
    t.regex(stderr, /main\.go:\d+[\s\S]*created by net\/rpc/);
    t.is((await tsmachine(['rm', '-y', 'm'])).code, 0);
  });
});

test('a plugin that dies in Create is told with its last words, and what it had made is removed', async (t) => {
  await withPlugin(t, async ({ tsmachine, machinePid }) => {
    const { code, stderr } = await tsmachine(create, 'crash');
    t.is(code, 1);
    t.regex(stderr, /ended with exit code 7\. It was asked for: Create\./);
    t.regex(stderr, /fatal error: out of luck/);
    t.regex(stderr, /rm m/);
    await removesWhatRuns(t, { tsmachine, machinePid });
  });
});

test('a Create that fails leaves what it made to rm', async (t) => {
  await withPlugin(t, async ({ tsmachine, machinePid }) => {
    const { code, stderr } = await tsmachine(create, 'fail');
    t.is(code, 1);
    t.regex(stderr, /Error in driver during machine creation: the quota is used up/);
    await removesWhatRuns(t, { tsmachine, machinePid });
  });
});

test('a Create that fails is undone when that was asked for', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const { code, stderr } = await tsmachine([...create, '--on-error', 'rollback'], 'fail');
    t.is(code, 1);
    t.regex(stderr, /create: undone/);
    t.is((await tsmachine(['ls', '-q'])).stdout, '');
  });
});

test('a create that failed goes on', async (t) => {
  await withPlugin(t, async ({ tsmachine, machinePid }) => {
    t.is((await tsmachine(create, 'fail')).code, 1);
    const first = await machinePid('m');
    process.kill(Number(first), 'SIGKILL');
    const resumed = await tsmachine(['create', '--resume', '-d', 'ci-test', 'm']);
    t.is(resumed.code, 0, resumed.stderr);
    t.false(await isGone(await machinePid('m')));
  });
});

test('flags that the driver refuses are told in its words, and nothing is made', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const { code, stderr } = await tsmachine(['create', '-d', 'ci-test', '--ci-label', 'bad', 'm']);
    t.not(code, 0);
    t.regex(stderr, /Error setting machine configuration from flags provided: the label is bad/);
    t.is((await tsmachine(['ls', '-q'])).stdout, '');
  });
});

test('a Create of 14 s does not lose its plugin', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    const outcome = await tsmachine(create, 'slow-14');
    t.is(outcome.code, 0, outcome.stderr);
  });
});

test('a list with a plugin that is deaf is a list', async (t) => {
  await withPlugin(t, async ({ tsmachine }) => {
    t.is((await tsmachine(create)).code, 0);
    const listed = await tsmachine(['ls', '--timeout', '2'], 'silent');
    t.is(listed.code, 0, listed.stderr);
    t.regex(listed.stdout, /^m .*ci-test +(Timeout|Error)/m);
    const broken = await tsmachine(['ls'], 'exit');
    t.regex(broken.stdout, /^m .*ci-test +Error .*ended with exit code 3/m);
  });
});

async function removesWhatRuns(
  t: Parameters<typeof withPlugin>[0],
  { tsmachine, machinePid }: Pick<PluginScene, 'tsmachine' | 'machinePid'>,
): Promise<void> {
  const pid = await machinePid('m');
  t.false(await isGone(pid), 'the machine runs');
  const removed = await tsmachine(['rm', '-y', 'm']);
  t.is(removed.code, 0, removed.stderr);
  t.true(await isGone(pid), 'the machine has gone');
}
