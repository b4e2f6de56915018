import test from 'ava';
import { createCertificateEnds } from '../../../src/machine/certificate-ends.ts';
import { issueCaCertificate, issueKey } from '../../../src/tls/issue.ts';
import { createFakeHost } from '../../fakes/host.ts';

const dayMs = 24 * 60 * 60 * 1000;

test('a certificate is spoken of 30 days before its end, a CA 90 days before', async (t) => {
  const host = createFakeHost();
  const pem = issueCaCertificate(host, await issueKey('ec'), 'ann');
  const { X509Certificate } = await import('node:crypto');
  const endMs = Date.parse(new X509Certificate(pem).validTo);
  const warn = (days: number, which: 'ca' | 'cert' | 'server'): string | undefined => {
    const none = { ca: '', cert: '', server: undefined };
    return createCertificateEnds(endMs - days * dayMs - 1000).warning('m', { ...none, [which]: pem });
  };
  const day = new Date(endMs).toISOString().slice(0, 10);
  t.is(warn(31, 'server'), undefined);
  t.is(warn(29, 'server'), `The server certificate ends in 29 days (${day}): tsmachine regenerate-certs m`);
  t.is(
    warn(1, 'cert'),
    `The client certificate ends in 1 day (${day}): tsmachine regenerate-certs --client-certs m`,
  );
  t.is(warn(-2, 'server'), `The server certificate has ended on ${day}: tsmachine regenerate-certs m`);
  t.is(warn(91, 'ca'), undefined);
  t.is(warn(89, 'ca'), `The certificate of the CA ends in 89 days (${day})`);
});

test('files that hold no certificate are not spoken of', (t) => {
  const ends = createCertificateEnds(0);
  t.is(ends.warning('m', { ca: 'x', cert: '', server: '-----BEGIN CERTIFICATE-----' }), undefined);
});
