import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { findProgram, makeStore, projectRoot, run, type TestStore } from '../support/cli.ts';
import { findBuildx, findDebianClient, readEnv } from '../support/docker-client.ts';
import { dockerBytes } from '../support/docker-stream.ts';

// Clients that people use, with nothing but the environment that `env` prints. One machine for all.

const world: { store?: TestStore; env?: Record<string, string> } = {};
const busybox = '/bin/busybox';

function environment(): Record<string, string> {
  return world.env ?? {};
}

test.before(async (t) => {
  t.timeout(400_000);
  world.store = await makeStore({ sharesTemplates: 'usual' });
  const created = await world.store.tsmachine(['create', '-d', 'qemu', 'default']);
  t.is(created.code, 0, created.stderr);
  // docker-py's HTTP library would verify with these instead of the machine's CA.
  world.env = { ...(await readEnv(world.store)), REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' };
  await dockerBytes(t, environment(), ['import', '-', 'tiny:1'], await busyboxTar());
});

test.after.always(async () => {
  await world.store?.dispose();
});

/** Runs a script that finds the development packages of this project. */
async function runScript(script: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: projectRoot,
    env: { ...process.env, ...environment(), ...more },
    timeout: 240_000,
  });
  return stdout;
}

test.serial('dockerode: a container runs, its output comes, and it is gone', async (t) => {
  const script = `
    import Docker from 'dockerode';
    const docker = new Docker();
    const chunks = [];
    const { Writable } = await import('node:stream');
    const out = new Writable({ write(chunk, _, done) { chunks.push(chunk); done(); } });
    const [result, container] = await docker.run('tiny:1', ['${busybox}', 'echo', 'from dockerode'], out, { Tty: true });
    await container.remove();
    const left = await docker.listContainers({ all: true });
    process.stdout.write(JSON.stringify([Buffer.concat(chunks).toString(), result.StatusCode, left.length]));`;
  t.deepEqual(JSON.parse(await runScript(script)), ['from dockerode\r\n', 0, 0]);
});

test.serial('testcontainers: a container starts, a command runs in it, and it stops', async (t) => {
  const script = `
    import { GenericContainer, Wait } from 'testcontainers';
    const container = await new GenericContainer('tiny:1')
      .withCommand(['${busybox}', 'sh', '-c', 'echo serving; exec ${busybox} sleep 3600'])
      .withWaitStrategy(Wait.forLogMessage('serving'))
      .withStartupTimeout(120000)
      .start();
    const result = await container.exec(['${busybox}', 'echo', 'inside']);
    await container.stop();
    process.stdout.write(JSON.stringify([container.getHost(), result.exitCode, result.output.trim()]));`;
  const said = await runScript(script, { TESTCONTAINERS_RYUK_DISABLED: 'true' });
  const { hostname } = new URL(environment()['DOCKER_HOST'] ?? '');
  t.deepEqual(JSON.parse(said), [hostname, 0, 'inside']);
});

test.serial('docker-py: a container runs and its output comes', async (t) => {
  const python = '/usr/bin/python3';
  if ((await run(python, ['-c', 'import docker']).catch(() => ({ code: 1 }))).code !== 0) {
    skip(t, 'python3-docker');
    return;
  }
  const script = [
    'import docker',
    'client = docker.from_env()',
    `print(client.containers.run("tiny:1", ["${busybox}", "echo", "from python"], remove=True).decode(), end="")`,
    'print(len(client.containers.list(all=True)))',
  ].join('\n');
  const { code, stdout, stderr } = await run(python, ['-c', script], { env: environment() });
  t.is(code, 0, stderr);
  t.is(stdout, 'from python\n0\n');
});

test.serial(
  'docker compose: a project of two services comes up, one asks the other, and it goes down',
  async (t) => {
    const compose = await findCompose();
    if (compose === undefined) {
      skip(t, 'docker compose, or docker-compose');
      return;
    }
    const project = await mkdtemp(path.join(tmpdir(), 'tsm-compose-'));
    t.teardown(() => rm(project, { recursive: true, force: true }));
    const command = (...words: readonly string[]): string =>
      `    command: ${JSON.stringify([busybox, ...words])}`;
    const lines = [
      'version: "3"',
      'services:',
      '  server:',
      '    image: tiny:1',
      command('sh', '-c', `while true; do echo from compose | ${busybox} nc -l -p 80; done`),
      '  asker:',
      '    image: tiny:1',
      '    depends_on: [server]',
      command('sh', '-c', `until ${busybox} nc server 80; do ${busybox} sleep 1; done`),
    ];
    const file = path.join(project, 'compose.yml');
    await writeFile(file, `${lines.join('\n')}\n`);
    const call = async (...args: readonly string[]): Promise<string> => {
      const [program = '', ...words] = compose;
      const { code, stdout, stderr } = await run(program, [...words, '-f', file, '-p', 'two', ...args], {
        env: environment(),
      });
      t.is(code, 0, `${args.join(' ')}\n${stderr}`);
      return stdout;
    };
    await call('up', '-d', 'server');
    t.regex(await call('run', '--rm', '-T', 'asker'), /from compose/);
    await call('down', '-t', '1');
    t.is((await dockerBytes(t, environment(), ['ps', '-aq'])).toString(), '');
  },
);

test.serial('docker buildx: a builder of the machine, and a build on it by its context', async (t) => {
  const [client, buildx] = [findDebianClient(), findBuildx()];
  const { store } = world;
  if (client === undefined || buildx === undefined || store === undefined) {
    skip(t, client === undefined ? 'a docker client' : 'the plugin buildx of the docker client');
    return;
  }
  const config = await mkdtemp(path.join(tmpdir(), 'tsm-buildx-'));
  t.teardown(() => rm(config, { recursive: true, force: true }));
  await mkdir(path.join(config, 'cli-plugins'));
  await symlink(buildx, path.join(config, 'cli-plugins', 'docker-buildx'));
  await mkdir(path.join(config, 'programs'));
  await symlink(client, path.join(config, 'programs', 'docker'));
  const env = {
    DOCKER_CONFIG: config,
    PATH: `${path.join(config, 'programs')}:${process.env['PATH'] ?? ''}`,
  };
  const created = await store.tsmachine(['builder', 'create', 'team', '--on', 'default'], { env });
  t.is(created.code, 0, created.stderr);
  const docker = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(client, args, { env });
    t.is(code, 0, `${args.join(' ')}\n${stderr}`);
    return stdout;
  };
  // Its own BuildKit is an image that would have to be fetched; the engine has one inside.
  t.regex(await docker('buildx', 'inspect', 'team'), /Endpoint: +tsmachine-default\n[^]*inactive/);
  const folder = path.join(config, 'build');
  await mkdir(folder);
  const lines = ['FROM tiny:1', `RUN ["${busybox}", "touch", "/made"]`, `CMD ["${busybox}", "ls", "/made"]`];
  await writeFile(path.join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
  await docker('--context', 'tsmachine-default', 'buildx', 'build', '-t', 'built', '--load', folder);
  t.is(await docker('--context', 'tsmachine-default', 'run', '--rm', 'built'), '/made\n');
  const removed = await store.tsmachine(['builder', 'rm', 'team'], { env });
  t.is(removed.code, 0, removed.stderr);
  t.notRegex(await docker('buildx', 'ls'), /^team/m);
});

/** The plugin of the docker client, or the program of old. */
async function findCompose(): Promise<readonly string[] | undefined> {
  const docker = findProgram('docker');
  if (docker !== undefined && (await run(docker, ['compose', 'version'])).code === 0) {
    return [docker, 'compose'];
  }
  const compose = findProgram('docker-compose');
  return compose === undefined ? undefined : [compose];
}

function skip(t: ExecutionContext, needed: string): void {
  t.log(`skipped: needs ${needed}`);
  t.pass();
}
