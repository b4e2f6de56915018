import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { forgetContext, useContext } from '../../../src/engine/contexts.ts';
import { createHost } from '../../../src/host/real.ts';
import type { Host } from '../../../src/host/types.ts';
import { ensureAuthority } from '../../../src/tls/authority.ts';
import { parseSubjectName } from '../../../src/tls/names.ts';
import { issueServerCertificate } from '../../../src/tls/server-certificate.ts';
import type { CertifiedKey } from '../../../src/tls/types.ts';
import { makeCa, makeLeaf, startEngine } from './tls-engine.ts';

/** The Docker client is Go: it refuses certificates that OpenSSL takes. */

const host = createHost();

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function skipWithoutDocker(t: ExecutionContext): boolean {
  const isThere = spawnSync('docker', ['--version']).status === 0;
  if (!isThere) {
    t.log('skipped: needs the docker client');
    t.pass();
  }
  return !isThere;
}

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-docker-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function docker(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  // Where the user's own client goes to is none of the test's business.
  const inherited = { ...process.env, DOCKER_HOST: undefined, DOCKER_CONTEXT: undefined };
  return new Promise((resolve) => {
    execFile('docker', args, { env: { ...inherited, ...env }, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

function versionOf(url: string, certs: string): Promise<Run> {
  return docker(['--tlsverify', '-H', url, 'version', '--format', '{{.Server.Version}}'], {
    DOCKER_CERT_PATH: certs,
    DOCKER_CONFIG: join(certs, 'docker-config'),
  });
}

function writeMaterial(directory: string, ca: string, client: CertifiedKey): void {
  writeFileSync(join(directory, 'ca.pem'), ca);
  writeFileSync(join(directory, 'cert.pem'), client.certPem);
  writeFileSync(join(directory, 'key.pem'), client.keyPem);
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`docker talks to an engine with our ${keyType} certificates, from the files of the store`, async (t) => {
    if (skipWithoutDocker(t)) {
      return;
    }
    const certs = join(temporaryDirectory(t), 'certs');
    const authority = await ensureAuthority(host, certs, { keyType, userName: 'a_n@n jürgen#' });
    for (const request of [
      { machineName: 'dev', sans: [] },
      {
        machineName: 'x'.repeat(63),
        sans: ['fe80::1%eth0', 'bücher.example', '*.a.test', '::ffff:10.0.0.1', 'a_b'],
      },
    ]) {
      const server = await issueServerCertificate(host, authority, { ...request, keyType });
      const engine = await startEngine({ clientCa: authority.ca.certPem, server });
      t.like(await versionOf(engine.url, certs), { code: 0, stdout: '27.5.1\n' });
      await engine.close();
    }
  });
}

test('docker refuses what should be refused', async (t) => {
  if (skipWithoutDocker(t)) {
    return;
  }
  const ca = await makeCa();
  const client = await makeLeaf(ca, { purpose: 'client' });
  const bad: [what: RegExp, server: CertifiedKey, client: CertifiedKey][] = [
    [/unknown authority/, await makeLeaf(await makeCa('eve'), {}), client],
    [/expired/, await makeLeaf(ca, { fromDays: -3, toDays: -1 }), client],
    [/valid for .* not/, await makeLeaf(ca, { sans: ['10.0.0.1'] }), client],
    [/incompatible key usage/, await makeLeaf(ca, { purpose: 'client' }), client],
    [/./, await makeLeaf(ca, {}), await makeLeaf(await makeCa('eve'), { purpose: 'client' })],
    [/./, await makeLeaf(ca, {}), await makeLeaf(ca, { purpose: 'server' })],
  ];
  for (const [what, server, ours] of bad) {
    const certs = temporaryDirectory(t);
    writeMaterial(certs, ca.certPem, ours);
    const engine = await startEngine({ clientCa: ca.certPem, server });
    const run = await versionOf(engine.url, certs);
    t.not(run.code, 0);
    t.regex(run.stderr, what);
    t.deepEqual(
      engine.requests.filter((path) => path !== '/_ping'),
      [],
    );
    await engine.close();
  }
});

test('Go parses certificates with names of any kind', async (t) => {
  if (skipWithoutDocker(t)) {
    return;
  }
  const ca = await makeCa('fuzz');
  const good = await makeLeaf(ca, {});
  const certs = temporaryDirectory(t);
  writeMaterial(certs, ca.certPem, await makeLeaf(ca, { purpose: 'client' }));
  // A server may send more certificates than its own, and Go parses them all: one call looks at many.
  const answersWith = async (extra: readonly CertifiedKey[]): Promise<Run> => {
    const certPem = [good, ...extra].map((one) => one.certPem).join('');
    const engine = await startEngine({ clientCa: ca.certPem, server: { certPem, keyPem: good.keyPem } });
    const run = await versionOf(engine.url, certs);
    await engine.close();
    return run;
  };
  const anyName = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.emailAddress());
  const anySan = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.string(),
    fc.constantFrom('fe80::1%1', '::ffff:1.2.3.4'),
  );
  const requests = fc.sample(
    fc.record({ organization: anyName, commonName: anyName, given: fc.array(anySan, { maxLength: 5 }) }),
    { numRuns: 150, seed: Number(process.env['FUZZ_SEED'] ?? 7) },
  );
  const made = await Promise.all(
    requests.map(async ({ given, ...names }) =>
      makeLeaf(ca, { ...names, sans: given.filter(isAccepted), keyPem: good.keyPem }),
    ),
  );
  t.is((await answersWith(made)).code, 0);
  // The same way does show a certificate that Go does not parse: an address of 3 bytes.
  const broken = await makeLeaf(ca, { names: [{ kind: 'ip', text: '', bytes: Uint8Array.of(1, 2, 3) }] });
  const refused = await answersWith([broken]);
  t.not(refused.code, 0);
  t.regex(refused.stderr, /parse certificate/);
});

function isAccepted(name: string): boolean {
  try {
    parseSubjectName(name);
    return true;
  } catch {
    return false;
  }
}

test('docker uses, inspects and forgets our contexts', async (t) => {
  if (skipWithoutDocker(t)) {
    return;
  }
  const directory = temporaryDirectory(t);
  const certs = join(directory, 'certs');
  const config = join(directory, 'docker');
  const authority = await ensureAuthority(host, certs, { keyType: 'ec', userName: 'ann' });
  const server = await issueServerCertificate(host, authority, {
    machineName: 'dev',
    sans: [],
    keyType: 'ec',
  });
  const engine = await startEngine({ clientCa: authority.ca.certPem, server });
  t.teardown(() => engine.close());
  const here: Host = { ...host, facts: { ...host.facts, env: { DOCKER_CONFIG: config } } };
  const env = { DOCKER_CONFIG: config };
  t.is((await docker(['context', 'create', 'mine', '--docker', 'host=tcp://127.0.0.1:1'], env)).code, 0);
  t.is((await docker(['context', 'use', 'mine'], env)).code, 0);
  const material = { ca: authority.ca.certPem, cert: authority.client.certPem, key: authority.client.keyPem };
  const name = await useContext(here, { machine: 'dev', url: engine.url, material });

  const listed = await docker(
    ['context', 'ls', '--format', '{{.Name}} {{.Current}} {{.DockerEndpoint}} {{.Error}}'],
    env,
  );
  t.true(listed.stdout.split('\n').includes(`${name} true ${engine.url} `), listed.stdout);
  const inspected = JSON.parse((await docker(['context', 'inspect', name], env)).stdout) as Record<
    string,
    unknown
  >[];
  t.like(inspected[0], { Name: name, TLSMaterial: { docker: ['ca.pem', 'cert.pem', 'key.pem'] } });
  const version = await docker(['version', '--format', '{{.Server.Version}}'], env);
  t.is(version.stdout, '27.5.1\n', version.stderr);

  await forgetContext(here, 'dev');
  const after = await docker(['context', 'ls', '--format', '{{.Name}} {{.Current}}'], env);
  t.deepEqual(after.stdout.trim().split('\n').sort(), ['default true', 'mine false']);
  t.false(
    existsSync(join(config, 'contexts', 'tls')) &&
      readFileSync(join(config, 'config.json'), 'utf8').includes(name),
  );
});
