import test from 'ava';
import { MachineError } from '../../../src/core/errors.ts';
import { diagnoseTls, type EngineAttempt } from '../../../src/engine/diagnose.ts';
import { issueCaCertificate, issueKey, issueLeafCertificate } from '../../../src/tls/issue.ts';
import { createFakeHost } from '../../fakes/host.ts';

const dayMs = 86_400_000;
const host = createFakeHost();
const caKey = await issueKey('ec');
const ca = { keyPem: caKey, certPem: issueCaCertificate(host, caKey, 'ann') };
const key = await issueKey('ec');
const request = { purpose: 'client', organization: 'o', commonName: 'c', sans: [] } as const;
const strangerCa = issueCaCertificate(host, await issueKey('ec'), 'eve');
const material = { ca: ca.certPem, cert: issueLeafCertificate(host, ca, key, request), key };

function troubleOf(code: string, change: Partial<EngineAttempt> = {}): unknown {
  const error = Object.assign(new Error(code), { code });
  const attempt = {
    url: 'tcp://127.0.0.1:2376',
    material,
    timeoutMs: 1000,
    nowMs: host.clock.nowMs(),
    isHandshakeDone: false,
    ...change,
  };
  const found = diagnoseTls(error, attempt);
  if (found.why === undefined || found.remedies.length === 0 || found.cause !== error) {
    throw new Error(`no help with ${found.message}`);
  }
  return found.facts['trouble'];
}

test('errors of the network', (t) => {
  t.is(troubleOf('ECONNREFUSED'), 'port-closed');
  t.is(troubleOf('EHOSTUNREACH'), 'host-unreachable');
  t.is(troubleOf('ETIMEDOUT'), 'no-answer');
  t.is(troubleOf('ECONNRESET'), 'closed-early');
  t.is(troubleOf('ECONNRESET', { isHandshakeDone: true }), 'closed-early');
  t.is(troubleOf('EAI_AGAIN'), 'name-unknown');
});

test('alerts that refuse the client certificate, by the names of each OpenSSL', (t) => {
  for (const code of [
    'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA',
    'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE',
    'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    'ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED',
    'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE',
  ]) {
    t.is(troubleOf(code), 'client-refused', code);
  }
  t.is(troubleOf('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'), 'other');
});

test('a refusal is explained by what is seen to be wrong here', (t) => {
  const alert = 'ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE';
  const now = host.clock.nowMs();
  t.is(troubleOf(alert, { nowMs: now + 396 * dayMs }), 'client-expired');
  t.is(troubleOf(alert, { nowMs: now - 3 * dayMs }), 'client-not-yet-valid');
  const other = issueLeafCertificate(host, ca, key, { ...request, purpose: 'server' });
  t.is(troubleOf(alert, { material: { ...material, cert: other } }), 'client-purpose');
  t.is(troubleOf(alert, { material: { ...material, ca: strangerCa } }), 'client-other-ca');
  t.is(troubleOf('ECONNRESET', { nowMs: now + 396 * dayMs, isHandshakeDone: true }), 'client-expired');
});

test('an expired CA is told from an expired certificate', (t) => {
  const now = host.clock.nowMs();
  t.is(troubleOf('CERT_HAS_EXPIRED'), 'server-expired');
  t.is(troubleOf('CERT_HAS_EXPIRED', { nowMs: now + 3653 * dayMs }), 'ca-expired');
  t.is(troubleOf('CERT_NOT_YET_VALID'), 'server-not-yet-valid');
  t.is(troubleOf('CERT_NOT_YET_VALID', { nowMs: now - 3 * dayMs }), 'ca-not-yet-valid');
});

test('names that the certificate does have are shown', (t) => {
  const error = Object.assign(new Error('x'), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    cert: { subjectaltname: 'DNS:old' },
  });
  const attempt = { url: 'tcp://a:1', material, timeoutMs: 1, nowMs: 0, isHandshakeDone: false };
  t.regex(diagnoseTls(error, attempt).why ?? '', /DNS:old/);
});

test('an error that is one of ours already passes as it is', (t) => {
  const mine = new MachineError('bug', 'x');
  t.is(
    diagnoseTls(mine, { url: '', material: undefined, timeoutMs: 1, nowMs: 0, isHandshakeDone: false }),
    mine,
  );
});
