import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { projectRoot, run, type Outcome } from '../../support/cli.ts';
import { buildGoProgram } from '../../support/go-programs.ts';
import { withPlugin, type PluginScene } from '../../support/go-plugin.ts';

// The other direction: a host in Go, with net/rpc itself, calls drivers that tsmachine serves.

const serve = (driver: string): string[] => [
  process.execPath,
  path.join(projectRoot, 'bin', 'tsmachine.js'),
  'plugin-serve',
  driver,
];

async function call(
  scene: PluginScene,
  program: string,
  calls: readonly string[],
  options: { readonly driver: string; readonly env?: Readonly<Record<string, string>> },
): Promise<Outcome & { readonly replies: unknown[] }> {
  const outcome = await run(program, ['client', ...serve(options.driver)], {
    input: calls.map((line) => `${line}\n`).join(''),
    env: { ...scene.env, MACHINE_STORAGE_PATH: scene.store.path, ...options.env },
  });
  const lines = outcome.stdout.split('\n').filter((line) => /^[[{"\d]|^null$/.test(line));
  return { ...outcome, replies: lines.map((line) => JSON.parse(line) as unknown) };
}

function config(scene: PluginScene, more: object = {}): string {
  return JSON.stringify({ MachineName: 'm', StorePath: scene.store.path, Foreign: { Id: 1 }, ...more });
}

for (const service of ['RPCServerDriver', 'RpcServerDriver']) {
  test(`the driver none, served as ${service}`, async (t) => {
    const program = buildGoProgram(t, 'goplugin');
    if (program === undefined) {
      return;
    }
    await withPlugin(t, async (scene) => {
      const calls = [
        'GetVersion',
        `SetConfigRaw ${config(scene)}`,
        'GetMachineName',
        'DriverName',
        'GetCreateFlags',
        'SetConfigFromFlags {"url": ""}',
        'SetConfigFromFlags {"url": "tcp://192.0.2.7:2376"}',
        'PreCreateCheck',
        'Create',
        'GetState',
        'GetURL',
        'GetIP',
        'Stop',
        'GetIPv6',
        'Nonsense',
        'GetConfigRaw',
        'Remove',
        'Close',
      ];
      const env = { GOPLUGIN_SERVICE: service };
      const { replies, stdout, stderr } = await call(scene, program, calls, { driver: 'none', env });
      const flags = replies[4] as string[];
      t.regex(flags[0] ?? '', /^\*main\.StringFlag &\{Name:url .*EnvVar:NONE_URL Value:\}$/);
      t.deepEqual(
        replies.filter((_reply, index) => index !== 4),
        [
          1,
          null,
          'm',
          'none',
          { error: '--url option is required when no driver is selected' },
          null,
          null,
          null,
          1,
          'tcp://192.0.2.7:2376',
          '192.0.2.7',
          { error: 'hosts without a driver cannot be stopped' },
          '',
          { error: `rpc: can't find method ${service}.Nonsense` },
          {
            MachineName: 'm',
            StorePath: scene.store.path,
            Foreign: { Id: 1 },
            IPAddress: '192.0.2.7:2376',
            URL: 'tcp://192.0.2.7:2376',
          },
          null,
          null,
        ],
        stderr,
      );
      t.regex(stdout, /ended: <nil>\n$/, 'exit code 0 after Close');
    });
  });
}

test('a plugin in Go, driven by us, served by us, called from Go: everything comes through', async (t) => {
  const program = buildGoProgram(t, 'goplugin');
  if (program === undefined) {
    return;
  }
  await withPlugin(t, async (scene) => {
    // The host makes the machine's directory before it calls Create.
    await mkdir(path.join(scene.store.path, 'machines', 'm'), { recursive: true });
    const calls = [
      `SetConfigRaw ${config(scene)}`,
      'SetConfigFromFlags {"ci-label": "größe 😀", "ci-memory": 7, "ci-offset": -9, "ci-opt": ["x", "y"], "ci-fast": true}',
      'PreCreateCheck',
      'Create',
      'GetState',
      'GetConfigRaw',
      'Stop',
      'GetState',
      'Start',
      'Restart',
      'Remove',
      'GetState',
      'GetCreateFlags',
      'Close',
    ];
    const { replies, stdout, stderr } = await call(scene, program, calls, {
      driver: 'ci-test',
      env: { GOPLUGIN_MODE: 'slow-14' },
    });
    t.like(replies[5], {
      Label: 'größe 😀',
      Memory: 7,
      Offset: -9,
      Opts: ['x', 'y'],
      Fast: true,
      Foreign: { Id: 1 },
    });
    t.deepEqual(
      replies.slice(0, 12).filter((_reply, index) => index !== 5),
      [null, null, null, null, 1, null, 4, null, null, null, 4],
      stderr,
    );
    const flags = replies[12] as string[];
    t.true(flags.some((flag) => /IntFlag &\{Name:ci-memory .*Value:1099511627776\}/.test(flag)));
    t.true(flags.some((flag) => /StringSliceFlag &\{Name:ci-opt .*Value:\[a b\]\}/.test(flag)));
    t.regex(stderr, /out: .*making it/, 'what the driver says goes to stdout');
    t.regex(stdout, /ended: <nil>\n$/);
  });
});

test('a driver that fails tells the host its words', async (t) => {
  const program = buildGoProgram(t, 'goplugin');
  if (program === undefined) {
    return;
  }
  await withPlugin(t, async (scene) => {
    const calls = [
      `SetConfigRaw ${config(scene)}`,
      'SetConfigFromFlags {"ci-label": "bad"}',
      'SetConfigFromFlags {"ci-label": "good"}',
      'PreCreateCheck',
      'Close',
    ];
    const options = { driver: 'ci-test', env: { GOPLUGIN_MODE: 'refuse' } };
    const { replies, stderr } = await call(scene, program, calls, options);
    t.deepEqual(
      replies,
      [null, { error: 'the label is bad' }, null, { error: 'this host is not good enough' }, null],
      stderr,
    );
  });
});

test('a served driver ends when it hears no heartbeat', async (t) => {
  const program = buildGoProgram(t, 'goplugin');
  if (program === undefined) {
    return;
  }
  await withPlugin(t, async (scene) => {
    const { stdout } = await call(scene, program, ['hush'], { driver: 'none' });
    t.regex(stdout, /ended: exit status 1\n$/);
  });
});

test('plugin-serve is refused to people, and for drivers whose machines need more than a driver', async (t) => {
  const [file = '', ...args] = serve('none');
  const refused = await run(file, args);
  t.is(refused.code, 1);
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /This is a plugin of docker-machine[\s\S]*version 1/);
  const [, ...image] = serve('qemu');
  const unable = await run(file, image, { env: { MACHINE_PLUGIN_TOKEN: '42' } });
  t.is(unable.code, 1);
  t.is(unable.stdout, '');
  t.regex(unable.stderr, /The driver qemu cannot be served/);
});
