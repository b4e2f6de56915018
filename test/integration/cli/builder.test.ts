import { mkdir, readFile, symlink } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createHost } from '../../../src/host/real.ts';
import { ensureAuthority } from '../../../src/tls/authority.ts';
import { issueServerCertificate } from '../../../src/tls/server-certificate.ts';
import { makeStore, run, type Outcome, type TestStore } from '../../support/cli.ts';
import { findBuildx, findDebianClient } from '../../support/docker-client.ts';
import { answerAs, startEngine, type FakeEngine } from '../engine/tls-engine.ts';

// Builders, made and removed with the real docker buildx. The engines are pretended: they say what they are, and run nothing.

const client = findDebianClient();
const buildx = findBuildx();

interface Scene {
  readonly store: TestStore;
  readonly env: Readonly<Record<string, string>>;
  readonly engines: Readonly<Record<string, FakeEngine>>;
  readonly tsmachine: (...args: readonly string[]) => Promise<Outcome>;
  readonly docker: (...args: readonly string[]) => Promise<Outcome>;
}

/** A store with the machines `intel` and `arm`, and a docker client with buildx whose files are in it. */
async function openScene(t: ExecutionContext): Promise<Scene | undefined> {
  t.timeout(120_000);
  if (client === undefined || buildx === undefined) {
    t.log(
      `skipped: needs ${client === undefined ? 'a docker client' : 'the plugin buildx of the docker client'}`,
    );
    t.pass();
    return undefined;
  }
  const store = await makeStore();
  t.teardown(() => store.dispose());
  const config = path.join(store.path, 'docker');
  await mkdir(path.join(config, 'cli-plugins'), { recursive: true });
  await symlink(buildx, path.join(config, 'cli-plugins', 'docker-buildx'));
  const programs = path.join(store.path, 'programs');
  await mkdir(programs);
  await symlink(client, path.join(programs, 'docker'));
  const env = { DOCKER_CONFIG: config, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  const tsmachine: Scene['tsmachine'] = (...args) => store.tsmachine(args, { env });
  const host = createHost();
  const authority = await ensureAuthority(host, path.join(store.path, 'certs'), {
    keyType: 'ec',
    userName: 'ann',
  });
  const engines: Record<string, FakeEngine> = {};
  for (const [name, architecture] of [
    ['intel', 'amd64'],
    ['arm', 'arm64'],
  ] as const) {
    const server = await issueServerCertificate(host, authority, {
      machineName: name,
      sans: ['127.0.0.1'],
      keyType: 'ec',
    });
    const engine = await startEngine({
      clientCa: authority.ca.certPem,
      server,
      answer: answerAs({ architecture }),
    });
    t.teardown(() => engine.close());
    engines[name] = engine;
    const created = await tsmachine('create', '-d', 'none', '--url', engine.url, name);
    t.is(created.code, 0, created.stderr);
  }
  return { store, env, engines, tsmachine, docker: (...args) => run(client, args, { env }) };
}

test('a builder of two machines has their platforms and certificates, and goes again', async (t) => {
  const scene = await openScene(t);
  if (scene === undefined) {
    return;
  }
  const { tsmachine, docker, engines } = scene;
  const created = await tsmachine(
    ...['builder', 'create', 'team', '--on', 'intel,arm', '--platforms', 'linux/amd64,linux/arm64', '--use'],
    ...['--driver-opt', 'image=registry.example/buildkit:1'],
  );
  t.is(created.code, 0, created.stderr);
  t.regex(created.stderr, /The builder team builds on intel \(linux\/amd64\) and arm \(linux\/arm64\)\./);

  const asked = (engines['arm']?.requests.length ?? 0) + (engines['intel']?.requests.length ?? 0);
  const inspected = (await docker('buildx', 'inspect', 'team')).stdout;
  t.regex(inspected, /Driver: +docker-container/);
  t.regex(inspected, /Name: +team-intel\nEndpoint: +tsmachine-intel\n[^]*Platforms: +linux\/amd64\*/);
  t.regex(inspected, /Name: +team-arm\nEndpoint: +tsmachine-arm\n[^]*Platforms: +linux\/arm64\*/);
  t.regex(inspected, /image="?registry\.example\/buildkit:1/);
  const requests = (engines['arm']?.requests.length ?? 0) + (engines['intel']?.requests.length ?? 0);
  t.true(requests > asked, 'buildx reaches the engines with the certificates of the contexts');
  t.regex((await docker('buildx', 'ls')).stdout, /^team ?\*/m);

  t.regex((await tsmachine('builder', 'ls')).stdout, /^team +intel, arm +linux\/amd64, linux\/arm64/m);
  t.like(JSON.parse((await tsmachine('builder', 'ls', '--json')).stdout), [{ name: 'team', made: [] }]);

  const again = await tsmachine('builder', 'create', 'team', '--on', 'intel');
  t.is(again.code, 1);
  t.regex(again.stderr, /already a builder with the name "team"/);

  const removed = await tsmachine('builder', 'rm', 'team');
  t.is(removed.code, 0, removed.stderr);
  t.notRegex((await docker('buildx', 'ls')).stdout, /^team/m);
  t.is((await tsmachine('builder', 'ls', '--json')).stdout.trim(), '[]');
  t.deepEqual((await tsmachine('ls', '-q')).stdout.trim().split('\n').sort(), ['arm', 'intel']);
});

test('what cannot be is said, and nothing of it stays', async (t) => {
  const scene = await openScene(t);
  if (scene === undefined) {
    return;
  }
  const { tsmachine, docker } = scene;
  for (const [args, what] of [
    [
      ['team', '--on', 'intel', '--platforms', 'linux/arm64'],
      /None of the machines builds for linux\/arm64/,
      1,
    ],
    [['team', '--on', 'intel', '--platforms', 'arm64'], /invalid value "arm64" for flag -platforms/],
    [['team', '--on', 'nobody'], /"nobody" does not exist/],
    [['team'], /A builder needs machines/],
    [['9team', '--on', 'intel'], /A builder cannot be called "9team"/],
    [['--on', 'intel'], /Expected the name of one builder/],
    [['team', '--on', 'intel', '--count', '3'], /flag provided but not defined: -count/],
    [
      ['team', '-d', 'none', '--url', 'tcp://127.0.0.1:1', '--platforms', 'linux/amd64,linux/arm64'],
      /The driver none makes machines of one architecture/,
    ],
  ] as const) {
    const outcome = await tsmachine('builder', 'create', ...args);
    t.not(outcome.code, 0, args.join(' '));
    t.regex(outcome.stderr, what);
    t.is((await tsmachine('builder', 'ls', '--json')).stdout.trim(), '[]', args.join(' '));
    t.notRegex((await docker('buildx', 'ls')).stdout, /team/);
  }
});

test('machines that are made for a builder go with it', async (t) => {
  const scene = await openScene(t);
  if (scene === undefined) {
    return;
  }
  const { tsmachine, store, engines } = scene;
  const url = engines['intel']?.url ?? '';
  const created = await tsmachine('builder', 'create', 'own', '-d', 'none', '--url', url);
  t.is(created.code, 0, created.stderr);
  const record: unknown = JSON.parse(await readFile(path.join(store.path, 'builders', 'own.json'), 'utf8'));
  t.deepEqual(record, {
    name: 'own',
    nodes: [{ machine: 'own', platforms: ['linux/amd64'] }],
    made: ['own'],
  });
  const asked = await tsmachine('builder', 'rm', 'own');
  t.regex(asked.stderr, /About to remove own, which was made for the builder own/);
  t.true((await tsmachine('ls', '-q')).stdout.includes('own'), 'nobody answered, so nothing was removed');
  const taken = await tsmachine('builder', 'create', 'intel', '-d', 'none', '--url', url);
  t.regex(taken.stderr, /"intel" already exists/);
  t.is((await tsmachine('builder', 'rm', '-y', 'own')).code, 0);
  t.deepEqual((await tsmachine('ls', '-q')).stdout.trim().split('\n').sort(), ['arm', 'intel']);
});
