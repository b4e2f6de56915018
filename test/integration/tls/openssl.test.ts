import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createHost } from '../../../src/host/real.ts';
import { ensureAuthority } from '../../../src/tls/authority.ts';
import { readCertificate } from '../../../src/tls/certificate.ts';
import { issueServerCertificate } from '../../../src/tls/server-certificate.ts';

const host = createHost();
const userName = 'a_n@n jürgen';

function skipWithoutOpenssl(t: ExecutionContext): boolean {
  const isThere = spawnSync('openssl', ['version']).status === 0;
  if (!isThere) {
    t.log('skipped: needs openssl');
    t.pass();
  }
  return !isThere;
}

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-tls-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function openssl(directory: string, ...args: string[]): string {
  return execFileSync('openssl', args, {
    cwd: directory,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function verifies(directory: string, purpose: string, file: string, ...more: string[]): boolean {
  const args = ['verify', '-x509_strict', '-CAfile', 'ca.pem', '-purpose', purpose, ...more, file];
  return spawnSync('openssl', args, { cwd: directory }).status === 0;
}

for (const keyType of ['ec', 'rsa'] as const) {
  test(`${keyType}: OpenSSL's strict verification accepts each certificate for its purpose only`, async (t) => {
    if (skipWithoutOpenssl(t)) {
      return;
    }
    const certs = join(temporaryDirectory(t), 'certs');
    const authority = await ensureAuthority(host, certs, { keyType, userName });
    const request = { machineName: 'dev', sans: ['10.1.2.3', 'fe80::1%eth0', 'build.example.com'], keyType };
    const server = await issueServerCertificate(host, authority, request);
    writeFileSync(join(certs, 'server.pem'), server.certPem);
    writeFileSync(join(certs, 'server-key.pem'), server.keyPem);
    for (const name of ['localhost', 'dev', 'build.example.com']) {
      t.true(verifies(certs, 'sslserver', 'server.pem', '-verify_hostname', name), name);
    }
    for (const ip of ['127.0.0.1', '::1', '10.1.2.3', 'fe80::1']) {
      t.true(verifies(certs, 'sslserver', 'server.pem', '-verify_ip', ip), ip);
    }
    t.true(verifies(certs, 'sslclient', 'cert.pem'));
    t.true(verifies(certs, 'any', 'ca.pem'));
    t.false(verifies(certs, 'sslclient', 'server.pem'));
    t.false(verifies(certs, 'sslserver', 'cert.pem'));
    t.false(verifies(certs, 'sslserver', 'server.pem', '-verify_hostname', 'other'));
    for (const key of ['ca-key.pem', 'key.pem', 'server-key.pem']) {
      t.regex(openssl(certs, 'pkey', '-in', key, '-check', '-noout'), /valid/);
      t.false(readFileSync(join(certs, key), 'utf8').includes('\r'));
    }
    const critical = openssl(certs, 'x509', '-in', 'ca.pem', '-noout', '-ext', 'basicConstraints,keyUsage');
    t.regex(critical, /Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    t.regex(critical, /Key Usage: critical\s+Certificate Sign, CRL Sign/);
    const leaf = openssl(
      certs,
      'x509',
      '-in',
      'server.pem',
      '-noout',
      '-ext',
      'basicConstraints,keyUsage,extendedKeyUsage',
    );
    t.regex(leaf, /Basic Constraints: critical\s+CA:FALSE/);
    t.regex(leaf, /Key Usage: critical\s+Digital Signature/);
    t.regex(leaf, /TLS Web Server Authentication/);
  });
}

// docker-machine's own are RSA with PKCS#1 keys; people put others in their place.
const foreign: [name: string, newKey: string[], convert: string[]][] = [
  [
    'RSA 2048, PKCS#1',
    ['genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
    ['rsa', '-traditional'],
  ],
  ['P-256, SEC1', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], ['ec']],
  ['P-384, PKCS#8', ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'], ['pkey']],
];

for (const [name, newKey, convert] of foreign) {
  test(`a CA that another program made: ${name}`, async (t) => {
    if (skipWithoutOpenssl(t)) {
      return;
    }
    const certs = join(temporaryDirectory(t), 'certs');
    mkdirSync(certs, { mode: 0o700 });
    openssl(certs, ...newKey, '-out', 'raw.pem');
    openssl(certs, ...convert, '-in', 'raw.pem', '-out', 'ca-key.pem');
    openssl(
      certs,
      'req',
      '-x509',
      '-new',
      '-key',
      'ca-key.pem',
      '-subj',
      '/O=ann',
      '-days',
      '1080',
      '-out',
      'ca.pem',
      '-addext',
      'keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement,keyCertSign',
    );
    const before = readFileSync(join(certs, 'ca.pem'), 'utf8');
    const authority = await ensureAuthority(host, certs, { keyType: 'ec', userName });
    t.is(authority.ca.certPem, before);
    const server = await issueServerCertificate(host, authority, {
      machineName: 'dev',
      sans: [],
      keyType: 'ec',
    });
    writeFileSync(join(certs, 'server.pem'), server.certPem);
    t.true(verifies(certs, 'sslserver', 'server.pem', '-verify_ip', '127.0.0.1'));
    t.true(verifies(certs, 'sslclient', 'cert.pem'));
  });
}

test('a CA without a key identifier, as old programs made them, still signs', async (t) => {
  if (skipWithoutOpenssl(t)) {
    return;
  }
  const certs = join(temporaryDirectory(t), 'certs');
  mkdirSync(certs, { mode: 0o700 });
  openssl(certs, 'genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'ca-key.pem');
  openssl(
    certs,
    'req',
    '-x509',
    '-new',
    '-key',
    'ca-key.pem',
    '-subj',
    '/O=ann',
    '-days',
    '1080',
    '-out',
    'ca.pem',
    '-addext',
    'subjectKeyIdentifier=none',
    '-addext',
    'authorityKeyIdentifier=none',
  );
  const authority = await ensureAuthority(host, certs, { keyType: 'ec', userName });
  t.true(
    readCertificate(authority.client.certPem, '').checkIssued(readCertificate(authority.ca.certPem, '')),
  );
  t.is(spawnSync('openssl', ['verify', '-CAfile', 'ca.pem', 'cert.pem'], { cwd: certs }).status, 0);
});

// A process of its own, because the umask belongs to the whole process.
function ensureUnderUmask(umask: string, certs: string): void {
  const source = (path: string): string =>
    JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);
  const script = `
    const { createHost } = await import(${source('host/real.js')});
    const { ensureAuthority } = await import(${source('tls/authority.js')});
    await ensureAuthority(createHost(), ${JSON.stringify(certs)}, { keyType: 'ec', userName: 'ann' });
  `;
  const command = 'umask "$1" && exec "$2" --input-type=module -e "$3"';
  execFileSync('sh', ['-c', command, 'sh', umask, process.execPath, script]);
}

test('modes are right under any umask, over open files and behind planted links', (t) => {
  const directory = temporaryDirectory(t);
  const victim = join(directory, 'victim');
  for (const umask of ['000', '022', '077']) {
    const certs = join(directory, `certs-${umask}`);
    ensureUnderUmask(umask, certs);
    t.is(lstatSync(certs).mode & 0o777, 0o700);
    t.is(lstatSync(join(certs, 'key.pem')).mode & 0o777, 0o600);
    t.is(lstatSync(join(certs, 'ca-key.pem')).mode & 0o777, 0o600);
    t.is(lstatSync(join(certs, 'ca.pem')).mode & 0o777, 0o644);
    chmodSync(join(certs, 'key.pem'), 0o644);
    rmSync(join(certs, 'cert.pem'));
    writeFileSync(victim, 'untouched');
    symlinkSync(victim, join(certs, 'cert.pem'));
    ensureUnderUmask(umask, certs);
    t.is(readFileSync(victim, 'utf8'), 'untouched');
    t.true(lstatSync(join(certs, 'cert.pem')).isFile());
    t.is(lstatSync(join(certs, 'key.pem')).mode & 0o777, 0o600);
  }
});
