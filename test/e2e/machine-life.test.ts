import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import {
  findProgram,
  isGone,
  machinesLeft,
  makeStore,
  run,
  type Outcome,
  type TestStore,
} from '../support/cli.ts';
import { ok } from '../support/expect.ts';
import { busyboxTar } from '../support/busybox.ts';
import { findDebianClient, readEnv, tryClient } from '../support/docker-client.ts';

// One machine through a whole life, in the order of the tests: every one needs what the ones before it made.

interface World {
  readonly store: TestStore;
  env: Record<string, string>;
}

const world: Partial<World> = {};

function here(): World {
  return world as World;
}

function docker(
  args: readonly string[],
  options: { input?: string | Uint8Array; env?: Record<string, string> } = {},
): Promise<Outcome> {
  return run('docker', args, { ...options, env: { ...here().env, ...options.env } });
}

test.before(async (t) => {
  t.timeout(400_000);
  const store = await makeStore({ sharesTemplates: 'usual' });
  Object.assign(world, { store });
  const created = await store.tsmachine(['create', '-d', 'qemu', '--engine-label', 'color=blue', 'default']);
  t.is(created.code, 0, created.stderr);
  t.regex(created.stderr, /ready after [\d.]+ m?s/);
  t.is(created.stdout, '', 'progress is not an answer');
  here().env = await readEnv(store);
});

test.after.always(async () => {
  await here().store.dispose();
});

test.serial('the docker client talks to the engine over mutual TLS', async (t) => {
  t.truthy(here().env['DOCKER_HOST']);
  t.regex(await ok(t, docker(['version'])), /Server:/);
});

test.serial(
  'docker info: overlay2, cgroup v2, AppArmor, the label; no warning but that on swap',
  async (t) => {
    const info = await docker(['info']);
    t.is(info.code, 0, info.stderr);
    t.regex(info.stdout, /Storage Driver: overlay2/);
    t.regex(info.stdout, /Cgroup Version: 2/);
    t.regex(info.stdout, /apparmor/);
    t.regex(info.stdout, /color=blue/);
    const warnings = `${info.stdout}\n${info.stderr}`.split('\n').filter((line) => line.includes('WARNING'));
    t.deepEqual(
      warnings.filter((line) => !line.includes('swap limit')),
      [],
    );
  },
);

test.serial('import, run, run -i with piped input, exec', async (t) => {
  await ok(t, docker(['import', '-', 'tiny'], { input: await busyboxTar() }));
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'hello'])), 'hello\n');
  const sent = `${'piped line\n'.repeat(2000)}end`;
  t.is(await ok(t, docker(['run', '-i', '--rm', 'tiny', '/bin/busybox', 'cat'], { input: sent })), sent);
  await ok(t, docker(['run', '-d', '--name', 'sleeper', 'tiny', '/bin/busybox', 'sleep', '3600']));
  t.is(await ok(t, docker(['exec', 'sleeper', '/bin/busybox', 'echo', 'inside'])), 'inside\n');
  t.is((await docker(['exec', 'sleeper', '/bin/busybox', 'sh', '-c', 'exit 7'])).code, 7);
});

test.serial('build, a volume that keeps its content, limits that reach the cgroup', async (t) => {
  const dockerfile =
    'FROM tiny\nRUN /bin/busybox echo built > /built\nCMD ["/bin/busybox", "cat", "/built"]\n';
  await ok(
    t,
    docker(['build', '-q', '-t', 'own', '-'], { input: dockerfile, env: { DOCKER_BUILDKIT: '0' } }),
  );
  t.is(await ok(t, docker(['run', '--rm', 'own'])), 'built\n');
  await ok(
    t,
    docker([
      'run',
      '--rm',
      '-v',
      'kept:/data',
      'tiny',
      '/bin/busybox',
      'sh',
      '-c',
      'echo volume > /data/file',
    ]),
  );
  const limit = [
    'run',
    '--rm',
    '--memory',
    '64m',
    'tiny',
    '/bin/busybox',
    'cat',
    '/sys/fs/cgroup/memory.max',
  ];
  t.is((await ok(t, docker(limit))).trim(), String(64 * 1024 * 1024));
});

test.serial("Debian's own docker client works too", async (t) => {
  const client = findDebianClient();
  if (client === undefined) {
    t.log('skipped: needs the docker client of Debian, which ./check fetches where there is apt');
    t.pass();
    return;
  }
  await tryClient(t, { client, env: here().env, image: 'tiny', container: 'sleeper' });
});

test.serial('a client without a certificate, or with that of another store, is refused', async (t) => {
  const { env, store } = here();
  const url = env['DOCKER_HOST'] ?? '';
  const ca = path.join(store.path, 'certs', 'ca.pem');
  const bare = await run('docker', ['--tls', `--tlscacert=${ca}`, '-H', url, 'version'], {
    env: { DOCKER_HOST: '', DOCKER_TLS_VERIFY: '', DOCKER_CERT_PATH: '/nonexistent' },
  });
  t.not(bare.code, 0);

  const other = await makeStore();
  try {
    t.is((await other.tsmachine(['create', '-d', 'none', '--url', url, 'thief'])).code, 0);
    const certs = path.join(other.path, 'certs');
    const theirs = await run('docker', [
      '--tls',
      `--tlscacert=${ca}`,
      `--tlscert=${certs}/cert.pem`,
      `--tlskey=${certs}/key.pem`,
      '-H',
      url,
      'version',
    ]);
    t.not(theirs.code, 0);
    const checked = await other.tsmachine(['env', 'thief']);
    t.is(checked.code, 1);
    t.regex(checked.stderr, /tls-mismatch/);
  } finally {
    await other.dispose();
  }
});

test.serial('nothing listens on an address other than loopback', async (t) => {
  const ss = findProgram('ss');
  if (ss === undefined) {
    t.log('skipped: needs ss (iproute2)');
    t.pass();
    return;
  }
  const pid = (
    await readFile(path.join(here().store.path, 'machines', 'default', 'qemu.pid'), 'utf8')
  ).trim();
  const lines = (await run(ss, ['-ltnuHp'])).stdout
    .split('\n')
    .filter((line) => line.includes(`pid=${pid},`));
  t.is(lines.length, 2);
  for (const line of lines) {
    t.regex(line, /\s127\.0\.0\.1:\d+\s/);
  }
});

test.serial('ssh: a command with its exit status, piped input, and sudo', async (t) => {
  const { store } = here();
  t.is((await store.tsmachine(['ssh', 'default', 'exit', '5'])).code, 5);
  t.is(await ok(t, store.tsmachine(['ssh', 'default', 'cat'], { input: 'through ssh' })), 'through ssh');
  t.is(await ok(t, store.tsmachine(['ssh', 'default', 'sudo', 'id', '-u'])), '0\n');
  t.is(await ok(t, store.tsmachine(['ssh', 'default', 'hostname'])), 'default\n');
});

test.serial('ssh: no password works, and the host key is the pinned one', async (t) => {
  const ssh = findProgram('ssh');
  if (ssh === undefined) {
    t.log('skipped: needs ssh (openssh-client)');
    t.pass();
    return;
  }
  const record = JSON.parse((await here().store.tsmachine(['inspect', 'default'])).stdout) as {
    Driver: { SSHPort: number };
  };
  const options = [
    '-p',
    String(record.Driver.SSHPort),
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'BatchMode=yes',
  ];
  const password = await run(ssh, [
    ...options,
    '-v',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'PubkeyAuthentication=no',
    '-o',
    'PreferredAuthentications=password,keyboard-interactive',
    'docker@127.0.0.1',
    'true',
  ]);
  t.is(password.code, 255);
  t.regex(password.stderr, /Authentications that can continue: publickey\s/);

  const scanned = await run('ssh-keyscan', [
    '-p',
    String(record.Driver.SSHPort),
    '-t',
    'ed25519',
    '127.0.0.1',
  ]);
  const pinned = await readFile(
    path.join(here().store.path, 'machines', 'default', 'ssh_host_ed25519_key.pub'),
    'utf8',
  );
  t.true(scanned.stdout.includes(pinned.split(' ')[1] ?? 'no key'));
});

// A static key is turned on and off: the kernel patches its scheduler, on which the other processor is working.
const patchKernel = [
  '(while :; do ls /proc; done >/dev/null 2>&1) & busy=$!',
  'key=/proc/sys/kernel/sched_schedstats',
  'for i in $(seq 1000); do echo 1 >$key; echo 0 >$key; done',
  'kill $busy',
  'cat /proc/sys/kernel/random/boot_id',
].join('; ');

test.serial('a kernel that patches its own code goes on, also on several emulated processors', async (t) => {
  const bootId = await ok(
    t,
    here().store.tsmachine(['ssh', 'default', 'cat /proc/sys/kernel/random/boot_id']),
  );
  const command = `sudo sh -c '${patchKernel}'`;
  t.is(await ok(t, here().store.tsmachine(['ssh', 'default', command])), bootId);
});

test.serial('ls, status, url, ip, active, config', async (t) => {
  const { store, env } = here();
  const url = env['DOCKER_HOST'] ?? '';
  t.is(await ok(t, store.tsmachine(['status'])), 'Running\n');
  t.is(await ok(t, store.tsmachine(['url'])), `${url}\n`);
  t.is(await ok(t, store.tsmachine(['ip'])), '127.0.0.1\n');
  t.is(await ok(t, store.tsmachine(['active'], { env: { DOCKER_HOST: url } })), 'default\n');
  t.regex(
    await ok(t, store.tsmachine(['ls'])),
    /default\s+-\s+qemu\s+Running\s+tcp:\/\/127\.0\.0\.1:\d+\s+v\d+/,
  );
  const config = (await ok(t, store.tsmachine(['config']))).trim().split('\n');
  const flags = config.map((word) => word.replaceAll('"', ''));
  t.is((await run('docker', [...flags, 'version'])).code, 0);
});

test.serial('doctor looks at every layer, and names the one that is broken', async (t) => {
  const diagnose = async (): Promise<Map<string, string>> => {
    const { stdout } = await here().store.tsmachine(['doctor', 'default', '--json'], { timeoutMs: 120_000 });
    const found = JSON.parse(stdout) as readonly { readonly code: string; readonly message: string }[];
    return new Map(found.map(({ code, message }) => [code, message]));
  };
  const well = await diagnose();
  for (const code of ['qemu', 'machine-answers', 'ssh-answers', 'clock-right', 'disk']) {
    t.true(well.has(code), [...well.keys()].join(' '));
  }
  t.false(well.has('layer'));

  const engine = async (signal: string): Promise<void> => {
    await ok(t, here().store.tsmachine(['ssh', 'default', `sudo kill -${signal} $(pidof dockerd)`]));
  };
  await engine('STOP');
  const found = await diagnose();
  await engine('CONT');
  t.is(found.get('layer'), 'What is broken is: engine. What lies below it works.');
  t.true(found.has('engine-unreachable'));
  t.true(found.has('ssh-answers'));
});

test.serial('use: a docker context reaches the machine without any variable', async (t) => {
  const { store } = here();
  const dockerConfig = path.join(path.dirname(store.path), 'docker');
  await ok(t, store.tsmachine(['use', 'default']));
  const outcome = await run('docker', ['version', '--format', '{{.Server.Os}}'], {
    env: { DOCKER_CONFIG: dockerConfig },
  });
  t.is(outcome.stdout, 'linux\n', outcome.stderr);
});

test.serial('a second create of the name is refused and changes nothing', async (t) => {
  const again = await here().store.tsmachine(['create', '-d', 'qemu', 'default']);
  t.is(again.code, 1);
  t.regex(again.stderr, /already exists/);
  t.is(await ok(t, here().store.tsmachine(['status'])), 'Running\n');
});

test.serial('stop is quick and clean; env and ssh say what to do', async (t) => {
  const { store } = here();
  await ok(t, docker(['rm', '-f', 'sleeper']));
  await ok(t, store.tsmachine(['stop']));
  t.is(await ok(t, store.tsmachine(['status'])), 'Stopped\n');
  const env = await store.tsmachine(['env']);
  t.is(env.code, 1);
  t.regex(env.stderr, /Host is not running/);
  t.regex(env.stderr, /tsmachine start default/);
  t.is((await store.tsmachine(['stop'])).code, 1);
});

test.serial('start: images and volumes are there, certificates verify, on other ports too', async (t) => {
  const { store } = here();
  const port = Number(new URL(here().env['DOCKER_HOST'] ?? '').port);
  // Somebody else took the engine's port in the meantime.
  const squatter = spawn(
    process.execPath,
    ['-e', `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await new Promise((resolve) => squatter.stdout.once('data', resolve));
  try {
    await ok(t, store.tsmachine(['start']));
  } finally {
    squatter.kill();
  }
  here().env = await readEnv(store);
  t.not(Number(new URL(here().env['DOCKER_HOST'] ?? '').port), port);
  t.is(
    await ok(t, docker(['run', '--rm', '-v', 'kept:/data', 'tiny', '/bin/busybox', 'cat', '/data/file'])),
    'volume\n',
  );
  const dockerConfig = path.join(path.dirname(store.path), 'docker');
  const context = await run('docker', ['version', '--format', '{{.Server.Os}}'], {
    env: { DOCKER_CONFIG: dockerConfig },
  });
  t.is(context.stdout, 'linux\n', 'the context follows the machine');
});

test.serial('QEMU killed from outside: stopped, and start brings it back with its data', async (t) => {
  const { store } = here();
  const pid = Number(await readFile(path.join(store.path, 'machines', 'default', 'qemu.pid'), 'utf8'));
  process.kill(pid, 'SIGKILL');
  t.is(await ok(t, store.tsmachine(['status'])), 'Stopped\n');
  await ok(t, store.tsmachine(['start']));
  here().env = await readEnv(store);
  t.regex(await ok(t, docker(['images'])), /tiny/);
});

test.serial('kill, then rm leaves nothing', async (t) => {
  const { store } = here();
  const pid = (await readFile(path.join(store.path, 'machines', 'default', 'qemu.pid'), 'utf8')).trim();
  await ok(t, store.tsmachine(['kill']));
  t.is(await ok(t, store.tsmachine(['status'])), 'Stopped\n');
  await ok(t, store.tsmachine(['rm', '-y', 'default']));
  t.deepEqual(await machinesLeft(store), []);
  t.true(await isGone(pid));
  t.is((await store.tsmachine(['status', 'default'])).code, 1);
});
