import { randomBytes } from 'node:crypto';
import { copyFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { busyboxTar } from '../busybox.ts';
import { makeStore, run, type TestStore } from '../cli.ts';
import { runUntil } from '../run-until.ts';
import { findDebianClient, readEnv, tryClient } from '../docker-client.ts';
import { linuxHostMissing } from '../linux-host.ts';
import { recordProcesses, startedProcesses } from '../recorded-processes.ts';
import type { CloudHosts } from './cloud-hosts.ts';
import type { FaultServer } from './fault-server.ts';
import { restsIn, type Rests } from './fault-suite.ts';

// A machine of a cloud from create to rm, by the command line: a stand-in keeps the account, its machines are real Debians.

/** A cloud on this computer, and how a machine is made in it. */
export interface LifeScene {
  readonly server: Pick<FaultServer, 'requests'>;
  readonly hosts: CloudHosts;
  /** Behind `create`, without a name: secrets, endpoint, a user who may log in. */
  readonly args: readonly string[];
  /** Of every command: nothing by which credentials are found that were not given to `create`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Asks the cloud itself; in the end there is nothing of any kind. */
  readonly rests: () => Promise<Rests>;
  /** What the cloud calls the machine of a host, if that is not the id of the host: it stands in the record. */
  readonly idOf?: (hostId: string) => string;
  /** Called while the machine is stopped: a cloud that gives another address at the next start does so here. */
  readonly whileStopped?: (hostId: string) => Promise<void>;
  /** The create is killed when the cloud has made the machine, and resumed. */
  readonly isCreateKilled?: boolean;
  /** The store loses the machine while it runs, and adopts it. */
  readonly isLostOnce?: true;
  readonly close: () => Promise<void>;
}

/** One life. */
export interface LifeOptions {
  readonly title: string;
  /** Why the stand-in cannot be had; undefined when it can. */
  readonly missing?: string | undefined;
  /** The secret in `args`: never printed, and in no file but secrets.json. */
  readonly secret: string;
  readonly open: () => Promise<LifeScene>;
}

const name = 'build-1';

/** Declares the test. */
export function declareLifeOfAMachine({ title, missing, secret, open }: LifeOptions): void {
  test.serial(title, async (t) => {
    t.timeout(900_000);
    const client = findDebianClient();
    const lacking = missing ?? linuxHostMissing();
    if (lacking !== undefined || client === undefined) {
      t.log(`skipped: ${lacking ?? 'needs a docker client'}`);
      t.pass();
      return;
    }
    const scene = await open();
    const store = await makeStore();
    try {
      await live(t, { scene, store, client, secret });
    } finally {
      await store.dispose();
      await scene.hosts.stop();
      await scene.close();
    }
  });
}

interface Life {
  readonly scene: LifeScene;
  readonly store: TestStore;
  readonly client: string;
  readonly secret: string;
}

async function live(t: ExecutionContext, life: Life): Promise<void> {
  const { scene, store, secret } = life;
  const started = path.join(path.dirname(store.path), 'processes.jsonl');
  const env = { ...scene.env, ...recordProcesses(started) };
  const { server, hosts, args, rests, idOf = (id: string) => id, whileStopped } = scene;
  const tsmachine = async (...words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await store.tsmachine(words, { env, timeoutMs: 600_000 });
    t.is(code, 0, `${words.join(' ')}\n${stdout}\n${stderr}`);
    t.false(`${stdout}${stderr}`.includes(secret), words.join(' '));
    return stdout;
  };
  // As an autoscaler calls it: credentials on the command line of create, and on no other.
  const create = ['--debug', 'create', ...args, name];
  if (scene.isCreateKilled === true) {
    const said = await runUntil(store, { args: create, env, text: 'Waiting for SSH' });
    t.false(said.includes(secret));
    await tsmachine('create', '--resume', name);
  } else {
    await tsmachine(...create);
  }
  t.is(await tsmachine('ssh', name, 'cat', '/run/tsmachine-first-boot'), 'done\n', 'it installed its engine');
  await hasOwnHostKey(t, life, await tsmachine('ssh', name, 'cat', '/etc/ssh/ssh_host_ed25519_key.pub'));
  t.is(hosts.running.size, 1);
  const [id = ''] = hosts.running.keys();
  const address = (): string => hosts.running.get(id)?.address ?? '';
  const directory = path.join(store.path, 'machines', name);
  const record = await readFile(path.join(directory, 'config.json'), 'utf8');
  t.true(record.includes(idOf(id)));
  for (const file of (await readdir(directory)).filter((each) => each !== 'secrets.json')) {
    t.false((await readFile(path.join(directory, file), 'utf8')).includes(secret), file);
  }
  t.is((await stat(path.join(directory, 'secrets.json'))).mode & 0o777, 0o600);

  await useEngine(t, life, address());
  if (scene.isLostOnce === true) {
    await loseAndAdopt(t, life, tsmachine);
    await changeItsTime(t, tsmachine);
  }

  t.is(await tsmachine('ssh', name, 'hostname'), `${name}\n`);
  const asked = server.requests.length;
  t.is(await tsmachine('ip', name), `${address()}\n`);
  t.is(await tsmachine('url', name), `tcp://${address()}:2376\n`);
  t.is(server.requests.length, asked, 'ip and url cost no request');
  t.is(await tsmachine('status', name), 'Running\n');
  await tsmachine('stop', name);
  t.is(await tsmachine('status', name), 'Stopped\n');
  await whileStopped?.(id);
  await tsmachine('start', name);
  t.is(await tsmachine('status', name), 'Running\n');
  t.is(await tsmachine('ip', name), `${address()}\n`);
  t.is((await readEnv(store, name))['DOCKER_HOST'], `tcp://${address()}:2376`);
  await tsmachine('rm', '-y', name);
  t.deepEqual(await restsIn({ rests }), {});
  t.is(hosts.running.size, 0);
  const lines = (await startedProcesses(started)).map((argv) => argv.join(' '));
  t.true(
    lines.some((line) => line.includes('ssh')),
    'what is started is written down',
  );
  t.deepEqual(
    lines.filter((line) => line.includes(secret)),
    [],
  );
}

/** The key of its user data is that of the machine no more, and is nowhere but there. */
async function hasOwnHostKey(t: ExecutionContext, { scene, store }: Life, publicLine: string): Promise<void> {
  const [host] = scene.hosts.running.values();
  const root = host?.root ?? '';
  const pinned = await readFile(path.join(store.path, 'machines', name, 'tsmachine.json'), 'utf8');
  t.true(pinned.includes(publicLine.trim()));
  t.false((await readdir(path.join(store.path, 'machines', name))).includes('ssh_host_ed25519_key'));
  const left = await readFile(path.join(root, 'var/lib/cloud/instance/user-data.txt'), 'utf8');
  t.regex(left, /-----BEGIN OPENSSH PRIVATE KEY-----\n *\S{70}\n *-----END/);
  t.false(publicLine.includes(/ed25519_public: "ssh-ed25519 (\S+)/.exec(left)?.[1] ?? publicLine));
}

/** Only the user's copy of the SSH key is left, and the containers that run. */
async function loseAndAdopt(
  t: ExecutionContext,
  { scene, store, client }: Life,
  tsmachine: (...words: readonly string[]) => Promise<string>,
): Promise<void> {
  const directory = path.join(store.path, 'machines', name);
  const key = path.join(path.dirname(store.path), 'copy-of-the-key');
  await copyFile(path.join(directory, 'id_rsa'), key);
  await rm(directory, { recursive: true });
  t.is(await tsmachine('ls', '-q'), '');

  const wrongKey = path.join(path.dirname(store.path), 'another-key');
  await writeFile(wrongKey, generateSshKeyPair({ randomBytes }, 'nobody').privatePem);
  const refused = await store.tsmachine(['adopt', ...scene.args, '--ssh-key', wrongKey, name], {
    env: scene.env ?? {},
  });
  t.is(refused.code, 1, refused.stderr);
  t.regex(refused.stderr, /was not adopted: The machine does not let .* in with this SSH key/);
  t.is(await tsmachine('ls', '-q'), '', 'it is as lost as before');

  await tsmachine('adopt', ...scene.args, '--ssh-key', key, name);
  t.is(await tsmachine('status', name), 'Running\n');
  const env = await readEnv(store, name);
  const { code, stdout, stderr } = await run(client, ['ps', '--format', '{{.Names}}'], { env });
  t.is(code, 0, stderr);
  t.is(stdout, 'steady\n', 'the container went on');
  t.regex(await tsmachine('adopt', ...scene.args, '--json', name), /"adopted":false/);
}

/** The timer on the machine follows what is said of its time. */
async function changeItsTime(
  t: ExecutionContext,
  tsmachine: (...words: readonly string[]) => Promise<string>,
): Promise<void> {
  const next = async (): Promise<number> => {
    const show = 'date -d "$(systemctl show -p NextElapseUSecRealtime --value tsmachine-expiry.timer)" +%s';
    return Number(await tsmachine('ssh', name, show));
  };
  for (const duration of ['8h', '2h']) {
    const { expires } = JSON.parse(await tsmachine('ttl', '--json', name, duration)) as {
      readonly expires: string;
    };
    t.is(await next(), Math.floor(Date.parse(expires) / 1000));
  }
  t.is(await tsmachine('ttl', name, 'off'), `${name} has no end.\n`);
  const look = 'ls /etc/systemd/system | grep -c tsmachine-expiry || true';
  t.is(await tsmachine('ssh', name, look), '0\n');
}

/** Uses the engine through a docker client, over TLS. */
async function useEngine(
  t: ExecutionContext,
  { store, client }: Pick<Life, 'store' | 'client'>,
  address: string,
): Promise<void> {
  const env = await readEnv(store, name);
  t.is(env['DOCKER_HOST'], `tcp://${address}:2376`);
  const docker = async (args: readonly string[], input?: Uint8Array): Promise<void> => {
    const { code, stderr } = await run(client, args, { env, ...(input === undefined ? {} : { input }) });
    t.is(code, 0, stderr);
  };
  await docker(['import', '-', 'tiny'], await busyboxTar());
  await docker(['run', '-d', '--name', 'steady', 'tiny', '/bin/busybox', 'sleep', '100000']);
  await tryClient(t, { client, env, image: 'tiny', container: 'steady' });
}
