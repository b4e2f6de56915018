import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { certificateLife } from '../../../src/tls/certificate.ts';
import { issueCaCertificate, issueKey, issueLeafCertificate } from '../../../src/tls/issue.ts';
import {
  issueServerCertificate,
  serverCertificateNeeds,
  serverNames,
} from '../../../src/tls/server-certificate.ts';
import type { CertifiedKey } from '../../../src/tls/types.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const dayMs = 86_400_000;

async function makeCa(host: FakeHost): Promise<CertifiedKey> {
  const keyPem = await issueKey('ec');
  return { keyPem, certPem: issueCaCertificate(host, keyPem, 'ann') };
}

test('a server certificate names loopback, the machine and what was given', async (t) => {
  const host = createFakeHost();
  const ca = await makeCa(host);
  const sans = ['192.168.64.3', 'build.example.com', 'fe80::5%en0'];
  const { certPem, keyPem } = await issueServerCertificate(
    host,
    { ca },
    { machineName: 'dev', sans, keyType: 'ec' },
  );
  const certificate = new X509Certificate(certPem);
  t.is(
    certificate.subjectAltName,
    'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:dev, IP Address:192.168.64.3, DNS:build.example.com, IP Address:FE80:0:0:0:0:0:0:5',
  );
  const { notBeforeMs, notAfterMs } = certificateLife(certificate);
  t.is(notBeforeMs, host.clock.nowMs() - 2 * dayMs);
  t.is(notAfterMs - notBeforeMs, 397 * dayMs);
  t.regex(keyPem, /^-----BEGIN PRIVATE KEY-----\n/);
  t.is(
    serverCertificateNeeds(certPem, ca.certPem, {
      sans: [...serverNames('dev', sans)],
      nowMs: host.clock.nowMs(),
    }),
    undefined,
  );
});

test('every reason for a new certificate is told apart', async (t) => {
  const host = createFakeHost();
  const ca = await makeCa(host);
  const other = await makeCa(host);
  const { certPem } = await issueServerCertificate(
    host,
    { ca },
    { machineName: 'dev', sans: ['*.k8s.test'], keyType: 'ec' },
  );
  const nowMs = host.clock.nowMs();
  const needs = (change: {
    sans?: string[];
    nowMs?: number;
    caPem?: string;
    pem?: string;
  }): string | undefined =>
    serverCertificateNeeds(change.pem ?? certPem, change.caPem ?? ca.certPem, {
      sans: change.sans ?? [],
      nowMs: change.nowMs ?? nowMs,
    });
  t.is(needs({ sans: ['dev', 'localhost', '127.0.0.1', '0:0::1', '*.k8s.test', 'a.k8s.test'] }), undefined);
  t.is(needs({ sans: ['10.0.0.1'] }), 'name-missing');
  t.is(needs({ sans: ['*.dev.test'] }), 'name-missing');
  t.is(needs({ nowMs: nowMs + 262 * dayMs }), undefined);
  t.is(needs({ nowMs: nowMs + 264 * dayMs }), 'due');
  t.is(needs({ nowMs: nowMs + 396 * dayMs }), 'expired');
  t.is(needs({ nowMs: nowMs - 3 * dayMs }), 'not-yet-valid');
  t.is(needs({ caPem: other.certPem }), 'other-ca');
  t.is(needs({ pem: '' }), 'unreadable');
  const client = issueLeafCertificate(host, ca, await issueKey('ec'), {
    purpose: 'client',
    organization: 'o',
    commonName: 'c',
    sans: [],
  });
  t.is(needs({ pem: client }), 'wrong-purpose');
});

test('a machine whose name could be an address gets no name from it', (t) => {
  t.deepEqual(serverNames('10.0.0.1', []), ['localhost', '127.0.0.1', '::1']);
  t.deepEqual(serverNames('1.2', []), ['localhost', '127.0.0.1', '::1']);
  t.deepEqual(serverNames('Dev', ['x']), ['localhost', '127.0.0.1', '::1', 'dev', 'x']);
});

test('a name that cannot stand in a certificate is refused before anything is made', async (t) => {
  const host = createFakeHost();
  const ca = await makeCa(host);
  const error = await t.throwsAsync(
    issueServerCertificate(host, { ca }, { machineName: 'dev', sans: ['256.1.1.1'], keyType: 'rsa' }),
  );
  t.true(isMachineError(error) && error.code === 'flag-invalid');
});

test('serial numbers are positive, of 16 bytes, and follow the randomness', async (t) => {
  const ca = await makeCa(createFakeHost());
  for (const first of [0x00, 0x7f, 0x80, 0xff]) {
    const host = { ...createFakeHost(), randomBytes: (count: number) => new Uint8Array(count).fill(first) };
    const { certPem } = await issueServerCertificate(
      host,
      { ca },
      { machineName: 'dev', sans: [], keyType: 'ec' },
    );
    const serial = BigInt(`0x${new X509Certificate(certPem).serialNumber}`);
    t.true(serial >= 2n ** 126n && serial < 2n ** 127n);
  }
});
