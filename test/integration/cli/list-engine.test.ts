import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createHost } from '../../../src/host/real.ts';
import { run } from '../../../src/cli/main.ts';
import { examine } from '../../../src/machine/doctor/examine.ts';
import { createSession } from '../../../src/machine/session.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { storeOf, storePath } from '../../unit/cli/golden-store.ts';
import { makeCa, makeLeaf, startEngine } from '../engine/tls-engine.ts';

/** A store on the disk with the machine `default`, and an engine with mutual TLS at its address. */
async function withEngine(
  t: ExecutionContext,
  serverDays: number,
  action: (place: { store: string; url: string; call: Call }) => Promise<void>,
): Promise<void> {
  const [ca, home] = [await makeCa(), await mkdtemp(path.join(tmpdir(), 'tsm-list-'))];
  const [server, client] = [
    await makeLeaf(ca, { toDays: serverDays }),
    await makeLeaf(ca, { purpose: 'client', toDays: 300 }),
  ];
  const engine = await startEngine({
    clientCa: ca.certPem,
    server,
    answer: (_request, response) => response.end('{"Version":"28.2.2","ApiVersion":"1.50"}'),
  });
  try {
    const files = storeOf({ default: { url: engine.url, labels: ['a=b'] } });
    const pems = {
      'ca.pem': ca.certPem,
      'cert.pem': client.certPem,
      'key.pem': client.keyPem,
      'server.pem': server.certPem,
    };
    await mkdir(path.join(home, 'machines', 'default'), { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await writeFile(path.join(home, path.relative(storePath, file)), text);
    }
    for (const [name, text] of Object.entries(pems)) {
      await writeFile(path.join(home, 'machines', 'default', name), text);
    }
    const host = createHost();
    const call: Call = async (argv, env = {}) => {
      const facts = { ...host.facts, env: { MACHINE_STORAGE_PATH: home, ...env } };
      const io = createFakeIo({ ...host, facts }, { program: 'docker-machine' });
      t.is(await run(argv, io), 0, io.stderr.text);
      t.is(io.stderr.text, '');
      return io.stdout.text;
    };
    await action({ store: home, url: engine.url, call });
  } finally {
    await engine.close();
    await rm(home, { recursive: true });
  }
}

type Call = (argv: readonly string[], env?: Readonly<Record<string, string>>) => Promise<string>;

test('ls of a machine whose engine answers', async (t) => {
  await withEngine(t, 300, async ({ url, call }) => {
    const urlHeader = 'URL'.padEnd(url.length + 3);
    const table = (mark: string): string =>
      `NAME      ACTIVE   DRIVER   STATE     ${urlHeader}SWARM   DOCKER    ERRORS\n` +
      `default   ${mark}        none     Running   ${url}           v28.2.2   \n`;
    t.is(await call(['ls']), table('-'));
    t.is(await call(['ls', 'extra', '-t', '5']), table('-'));
    t.is(await call(['ls'], { DOCKER_HOST: url }), table('*'));
    t.is(await call(['ls', '-f', '{{.EngineOptions.Labels}} {{.SwarmOptions.Strategy}}']), '[a=b] spread\n');
    t.is(await call(['ls', '--filter', 'label=a=b', '-q']), 'default\n');
    t.regex(
      await call(['ls', '-f', '{{.Name}}|{{.DockerVersion}}|{{.Error}}|{{.ResponseTime}}']),
      /^default\|v28\.2\.2\|\|[\d.]+m?s\n$/,
    );
    t.regex(
      await call(['ls', '-f', 'table {{.Name}}\\t{{.State}}\\t{{.ResponseTime}}']),
      /^NAME {6}STATE {5}RESPONSE\ndefault {3}Running {3}[\d.]+m?s\n$/,
    );
    t.is(await call(['active'], { DOCKER_HOST: url }), 'default\n');
  });
});

test('ls says when a certificate ends soon', async (t) => {
  await withEngine(t, 10, async ({ call }) => {
    t.regex(
      await call(['ls', '-f', '{{.DockerVersion}} {{.Error}}']),
      /^v28\.2\.2 The server certificate ends in 9 days \(\d{4}-\d\d-\d\d\): docker-machine regenerate-certs default\n$/,
    );
  });
});

test('doctor of a machine that answers, and whose certificate ends soon', async (t) => {
  await withEngine(t, 10, async ({ store, url }) => {
    const { signal } = new AbortController();
    const session = createSession({ host: createHost(), storePath: store, emit: () => undefined, signal });
    const found = await examine(session, 'default');
    const answers = found.find(({ code }) => code === 'machine-answers');
    t.is(answers?.message, `answers at ${url}`);
    const ends = found.filter(({ code }) => code === 'certificate-ends');
    t.deepEqual(
      ends.map(({ subject, remedies }) => [subject, ...remedies]),
      [['machine default', 'tsmachine regenerate-certs default']],
    );
    t.regex(ends[0]?.message ?? '', /server\.pem ends in \d+ days/);
    // Only the driver of this machine is looked at.
    t.deepEqual(
      found.filter(({ subject }) => subject.startsWith('driver')),
      [],
    );
  });
});
