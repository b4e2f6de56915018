import { spawn } from 'node:child_process';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, projectRoot, type TestStore } from '../support/cli.ts';
import { ok } from '../support/expect.ts';
import { readEnv } from '../support/docker-client.ts';
import { dockerBytes, startDocker } from '../support/docker-stream.ts';

// Certificates of a machine that works: nothing is interrupted while they change. In the order of the tests.

const busybox = '/bin/busybox';
const mib = 1024 * 1024;

interface World {
  readonly store: TestStore;
  env: Record<string, string>;
}

const world: Partial<World> = {};

function here(): World {
  return world as World;
}

function docker(t: ExecutionContext, args: readonly string[], input?: string | Uint8Array): Promise<Buffer> {
  return dockerBytes(t, here().env, args, input);
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

test.before(async (t) => {
  t.timeout(400_000);
  const store = await makeStore({ sharesTemplates: 'usual' });
  Object.assign(world, { store });
  const created = await store.tsmachine(['create', '-d', 'qemu', 'default']);
  t.is(created.code, 0, created.stderr);
  here().env = await readEnv(store);
  await docker(t, ['import', '-', 'tiny'], await busyboxTar());
  const ticking = `i=0; while :; do echo tick $i; i=$((i + 1)); ${busybox} sleep 0.2; done`;
  await docker(t, ['run', '-d', '--name', 'ticker', 'tiny', busybox, 'sh', '-c', ticking]);
});

test.after.always(async () => {
  await here().store.dispose();
});

/** The client files of the machine as they are now. */
async function clientFiles(): Promise<{ ca: string; cert: string; key: string }> {
  const directory = here().env['DOCKER_CERT_PATH'] ?? '';
  const [ca = '', cert = '', key = ''] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(path.join(directory, name), 'utf8')),
  );
  return { ca, cert, key };
}

/** One connection: a handshake, and an answer of the engine. Resolves to the server certificate's serial number. */
function askOnce(client: { ca: string; cert: string; key: string }): Promise<string> {
  const { port } = new URL(here().env['DOCKER_HOST'] ?? '');
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: '127.0.0.1', port: Number(port), ...client });
    socket.on('error', reject);
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer within 20 s')));
    const asked = request({
      createConnection: () => socket,
      path: '/_ping',
      headers: { connection: 'close' },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      const serial = socket.getPeerX509Certificate()?.serialNumber ?? 'none';
      response.resume();
      response.on('end', () => {
        socket.destroy();
        if (response.statusCode === 200) {
          resolve(serial);
        } else {
          reject(new Error(`status ${String(response.statusCode)}`));
        }
      });
    });
    asked.end();
  });
}

/** Identity of the engine's process and of the container: what must not change. */
async function processes(t: ExecutionContext): Promise<string> {
  const script = 'p=$(cat /run/docker.pid); echo $p $(cut -d" " -f22 /proc/$p/stat)';
  const engine = await ok(t, here().store.tsmachine(['ssh', 'default', script]));
  const container = await docker(t, ['inspect', '--format', '{{.State.Pid}} {{.State.StartedAt}}', 'ticker']);
  return `${engine.trim()} ${container.toString().trim()}`;
}

async function fileSerial(): Promise<string> {
  const file = path.join(here().store.path, 'machines', 'default', 'server.pem');
  return new X509Certificate(await readFile(file)).serialNumber;
}

test.serial(
  'regenerate-certs: streams, containers and the engine go on, and no connection is refused',
  async (t) => {
    const { store } = here();
    const client = await clientFiles();
    const before = { serial: await askOnce(client), processes: await processes(t) };
    t.is(before.serial, await fileSerial());
    const logs = startDocker(here().env, ['logs', '-f', '--tail', '0', 'ticker']);
    const echo = startDocker(here().env, ['run', '-i', '--rm', 'tiny', busybox, 'cat']);
    const parts = [randomBytes(mib), randomBytes(mib)] as const;
    echo.child.stdin.write(parts[0]);
    while (echo.seen().length < mib || logs.seen().length === 0) {
      await sleep(50);
    }

    let isDone = false;
    const rotation = store.tsmachine(['regenerate-certs', '-f', '--client-certs']).finally(() => {
      isDone = true;
    });
    const serials: string[] = [];
    const failures: string[] = [];
    const askAndAsk = async (): Promise<void> => {
      while (!isDone || serials.length + failures.length < 200) {
        await askOnce(client).then(
          (serial) => serials.push(serial),
          (error: unknown) => failures.push(String(error)),
        );
      }
    };
    await Promise.all([askAndAsk(), askAndAsk(), askAndAsk(), askAndAsk()]);
    await ok(t, rotation);
    t.deepEqual(failures, []);
    const after = await askOnce(client);
    t.not(after, before.serial);
    t.is(after, await fileSerial());
    t.deepEqual([...new Set(serials)].sort(), [before.serial, after].sort());
    t.is(await processes(t), before.processes);
    t.log(
      `${serials.length} connections, ${serials.filter((serial) => serial === after).length} with the new one`,
    );

    const logged = logs.seen().length;
    echo.child.stdin.end(parts[1]);
    const echoed = await echo.ended;
    t.is(echoed.code, 0, echoed.stderr);
    t.is(sha256(echoed.stdout), sha256(Buffer.concat(parts)));
    await sleep(1000);
    t.true(logs.seen().length > logged);
    t.is(logs.child.exitCode, null);
    logs.child.kill();
    const ticks = logs
      .seen()
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => Number(line.split(' ')[1]));
    t.deepEqual(
      ticks,
      ticks.map((_, index) => (ticks[0] ?? 0) + index),
      'no line is missing',
    );

    t.not((await clientFiles()).cert, client.cert);
    t.is(await askOnce(await clientFiles()), after);
    const certs = path.join(store.path, 'certs');
    t.is(await readFile(path.join(certs, 'cert.pem'), 'utf8'), (await clientFiles()).cert);
  },
);

test.serial(
  'the new certificates are on the data disk, where old tools look, and nothing is left over',
  async (t) => {
    const script =
      'sudo cmp /run/tsmachine/identity/server.pem /var/lib/boot2docker/server.pem && ' +
      'sudo cat /var/lib/boot2docker/server.pem && ls /run/tsmachine && sudo pidof socat1 socat | wc -w';
    const said = await ok(t, here().store.tsmachine(['ssh', 'default', script]));
    t.is(new X509Certificate(said).serialNumber, await fileSerial());
    t.notRegex(said, /identity\.new|renewing|\.again|terminator\.spare\n/);
  },
);

test.serial(
  'killed at any time, the old or the new certificate is served, and the next call finishes',
  async (t) => {
    const { store } = here();
    for (const delayMs of [300, 700, 1100, 1500, 1900]) {
      const child = spawn(
        process.execPath,
        [path.join(projectRoot, 'bin', 'tsmachine.js'), 'regenerate-certs', '-f', 'default'],
        { env: { ...process.env, MACHINE_STORAGE_PATH: store.path, ...here().env }, stdio: 'ignore' },
      );
      await sleep(delayMs);
      child.kill('SIGKILL');
      await askOnce(await clientFiles());
    }
    await ok(t, store.tsmachine(['regenerate-certs', '-f', 'default']));
    const serial = await fileSerial();
    for (let count = 0; count < 20; count += 1) {
      t.is(await askOnce(await clientFiles()), serial);
    }
  },
);

test.serial(
  'use gives a running machine a name that its certificate misses; env renews what has grown old, nothing else',
  async (t) => {
    const { store } = here();
    const serial = await fileSerial();
    await ok(t, store.tsmachine(['env']));
    t.is(await fileSerial(), serial);

    const directory = path.join(store.path, 'machines', 'default');
    const serverCert = path.join(directory, 'server.pem');
    const wantNames = async (...names: string[]): Promise<void> => {
      const config = path.join(directory, 'config.json');
      const record = JSON.parse(await readFile(config, 'utf8')) as {
        HostOptions: { AuthOptions: { ServerCertSANs: string[] } };
      };
      record.HostOptions.AuthOptions.ServerCertSANs = names;
      await writeFile(config, JSON.stringify(record));
    };
    await wantNames('build.example');
    await ok(t, store.tsmachine(['use']));
    t.regex(new X509Certificate(await readFile(serverCert)).subjectAltName ?? '', /DNS:build\.example/);
    t.is(await askOnce(await clientFiles()), await fileSerial());

    await wantNames('build.example', 'other.example');
    const named = await fileSerial();
    await ok(t, store.tsmachine(['env']));
    t.is(await fileSerial(), named, 'it is hardly a minute old');
    const old = new Date(Date.now() - 60 * 24 * 3600 * 1000);
    await utimes(serverCert, old, old);
    await ok(t, store.tsmachine(['env']));
    t.not(await fileSerial(), named);
    t.is(await askOnce(await clientFiles()), await fileSerial());
  },
);

test.serial('what the guest cannot use changes nothing', async (t) => {
  const { store } = here();
  const client = await clientFiles();
  const serial = await askOnce(client);
  const program = ['ssh', 'default', 'sudo', '/usr/lib/tsmachine/renew-certificates'];
  const pem = await readFile(path.join(store.path, 'machines', 'default', 'server.pem'), 'utf8');
  const otherKey = await readFile(path.join(store.path, 'certs', 'key.pem'), 'utf8');
  for (const [input, said] of [
    ['', /not arrive whole/],
    [`file ca.pem\n${client.ca}file server.pem\n${pem}`, /not arrive whole/],
    [`file ca.pem\n${client.ca}file server.pem\n${pem}end\n`, /server-key\.pem is missing/],
    [`file ../evil\n${client.ca}end\n`, /not arrive whole/],
    [
      `file ca.pem\n${client.ca}file server.pem\n${pem}file server-key.pem\n${otherKey}end\n`,
      /does not start/,
    ],
  ] as const) {
    const outcome = await store.tsmachine(program, { input });
    t.is(outcome.code, 1, outcome.stdout);
    t.regex(outcome.stderr, said);
    t.is(await askOnce(client), serial);
  }
});

test.serial('on a stopped machine only the files change; the next start hands them over', async (t) => {
  const { store } = here();
  await docker(t, ['rm', '-f', 'ticker']);
  await ok(t, store.tsmachine(['stop']));
  const serial = await fileSerial();
  const { stderr } = await store.tsmachine(['regenerate-certs', '--force', 'default']);
  t.regex(stderr, /gets its new certificate when it starts/);
  t.not(await fileSerial(), serial);
  await ok(t, store.tsmachine(['start']));
  here().env = await readEnv(store);
  t.is(await askOnce(await clientFiles()), await fileSerial());
});
