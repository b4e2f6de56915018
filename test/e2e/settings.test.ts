import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeIdentity } from '../integration/host/certificates.ts';
import { makeStore, run, type Outcome, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';
import { startTinyRegistry, type TinyRegistry } from '../support/tiny-registry.ts';

// A machine takes over what this computer trusts: registries with certificates of private CAs, one in a file of the
// environment, one in the user's certs.d. In the order of the tests.

/** The address at which a machine of QEMU reaches loopback of this computer. */
const gateway = '10.0.2.2';

interface World {
  readonly store: TestStore;
  readonly home: string;
  readonly companyCa: string;
  readonly company: TinyRegistry;
  /** Answers only who shows a client certificate. */
  readonly closed: TinyRegistry;
  env: Record<string, string>;
}

let world: World | undefined;

test.before(async () => {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-settings-'));
  const [one, two] = [makeIdentity([gateway]), makeIdentity([gateway])];
  const companyCa = path.join(home, 'company.pem');
  await writeFile(companyCa, one.ca);
  const company = await startTinyRegistry(one);
  const closed = await startTinyRegistry(two, true);
  const certificates = path.join(home, '.docker', 'certs.d', `${gateway}:${closed.port}`);
  await mkdir(certificates, { recursive: true });
  await writeFile(path.join(certificates, 'ca.crt'), two.ca);
  await writeFile(path.join(certificates, 'client.cert'), two.cert);
  await writeFile(path.join(certificates, 'client.key'), two.key);
  const config = {
    'registry-mirrors': ['http://localhost:9'],
    'insecure-registries': ['plain.example:5000'],
  };
  await writeFile(path.join(home, '.docker', 'daemon.json'), JSON.stringify(config));
  const store = await makeStore({ sharesTemplates: 'usual' });
  world = { store, home, companyCa, company, closed, env: {} };
});

test.after.always(async () => {
  if (world !== undefined) {
    await world.store.dispose();
    await Promise.all([world.company.close(), world.closed.close()]);
    await rm(world.home, { recursive: true, force: true });
  }
});

function life(title: string, action: (t: ExecutionContext, world: World) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(600_000);
    await action(t, world as World);
  });
}

async function tsmachine(t: ExecutionContext, ...args: readonly string[]): Promise<Outcome> {
  const { store, home, companyCa } = world as World;
  const env = { HOME: home, XDG_CONFIG_HOME: '', NODE_EXTRA_CA_CERTS: companyCa, SSL_CERT_FILE: '' };
  const outcome = await store.tsmachine(args, { env, timeoutMs: 500_000 });
  t.is(outcome.code, 0, outcome.stderr);
  return outcome;
}

/** Pulls the one image, which is not there before. */
async function pull({ env }: World, { port }: TinyRegistry): Promise<Outcome> {
  const name = `${gateway}:${port}/tiny`;
  await run('docker', ['rmi', '-f', name], { env });
  return run('docker', ['pull', '-q', name], { env });
}

life('create takes CAs, certificates, mirrors and registries over, and says so', async (t, here) => {
  const { stderr } = await tsmachine(
    t,
    ...['create', '-d', 'qemu', '--share', 'none', '--dns', '192.0.2.53', 'default'],
  );
  const ofMachine = await tsmachine(t, 'ssh', 'default', 'cat /etc/resolv.conf');
  t.deepEqual(ofMachine.stdout.match(/^nameserver .*$/gm), ['nameserver 192.0.2.53']);
  t.regex(stderr, /trusts, besides the usual CAs: Test CA \(.*company\.pem\)/);
  t.regex(stderr, /certificates for registries: 10\.0\.2\.2:\d+ \(.*certs\.d/);
  t.regex(stderr, /registry mirrors of .*daemon\.json: http:\/\/10\.0\.2\.2:9/);
  here.env = await readEnv(here.store);
  const { stdout } = await run('docker', ['info', '--format', '{{json .RegistryConfig}}'], { env: here.env });
  t.true(stdout.includes('plain.example:5000'), stdout);
  t.true(stdout.includes(`http://${gateway}:9/`), stdout);
});

life('the engine pulls from both, whether its machine was resumed or booted', async (t, here) => {
  for (const registry of [here.company, here.closed]) {
    t.like(await pull(here, registry), { code: 0 });
  }
  await tsmachine(t, 'restart');
  here.env = await readEnv(here.store);
  for (const registry of [here.company, here.closed]) {
    t.like(await pull(here, registry), { code: 0 });
  }
});

life('provision leaves as it is what has not changed, and takes away what has gone', async (t, here) => {
  t.notRegex((await tsmachine(t, 'provision')).stderr, /next start/);
  await rm(here.companyCa);
  await rm(path.join(here.home, '.docker'), { recursive: true });
  t.regex((await tsmachine(t, 'provision')).stderr, /next start/);
  await tsmachine(t, 'restart');
  here.env = await readEnv(here.store);
  for (const registry of [here.company, here.closed]) {
    const { code, stderr } = await pull(here, registry);
    t.not(code, 0);
    t.regex(stderr, /certificate signed by unknown authority/);
  }
});
