import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { isMachineError, type MachineError } from '../../../src/core/errors.ts';
import { ensureAuthority, readAuthority } from '../../../src/tls/authority.ts';
import {
  certificateLife,
  isSignedBy,
  readCertificate,
  readPrivateKey,
} from '../../../src/tls/certificate.ts';
import { issueCaCertificate, issueKey, issueLeafCertificate } from '../../../src/tls/issue.ts';
import type { Authority } from '../../../src/tls/types.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const directory = '/home/ann/.docker/machine/certs';
const options = { keyType: 'ec', userName: 'ann' } as const;
const dayMs = 86_400_000;

function ensure(host: FakeHost): Promise<Authority> {
  return ensureAuthority(host, directory, options);
}

async function failure(work: Promise<unknown>): Promise<MachineError> {
  try {
    await work;
  } catch (error) {
    if (isMachineError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it should have failed');
}

function fits({ ca, client }: Authority): boolean {
  const caCertificate = readCertificate(ca.certPem, 'ca');
  const certificate = readCertificate(client.certPem, 'client');
  return (
    caCertificate.checkPrivateKey(readPrivateKey(ca.keyPem, 'ca')) &&
    certificate.checkPrivateKey(readPrivateKey(client.keyPem, 'client')) &&
    isSignedBy(certificate, caCertificate)
  );
}

test('an empty store gets a CA and a client certificate, with the right modes', async (t) => {
  const host = createFakeHost();
  const made = await ensure(host);
  t.true(fits(made));
  const modes = ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'].map(
    (name) => host.files.nodes.get(`${directory}/${name}`)?.mode,
  );
  t.deepEqual(modes, [0o644, 0o600, 0o644, 0o600]);
  t.is(host.files.nodes.get(directory)?.mode, 0o700);
  t.is(host.files.text(`${directory}/key.pem`), made.client.keyPem);
  t.false(`${made.ca.certPem}${made.ca.keyPem}`.includes('\r'));
});

test('what is there is left alone', async (t) => {
  const host = createFakeHost();
  const first = await ensure(host);
  const { length } = host.files.writes;
  t.deepEqual(await ensure(host), first);
  t.deepEqual(
    host.files.writes.slice(length).filter((line) => !line.startsWith('makeDirectory')),
    [],
  );
});

test('a crash at any write leaves what the next call completes', async (t) => {
  for (let nth = 1; nth <= 5; nth += 1) {
    const host = createFakeHost();
    host.files.inject({ code: 'EIO', nth });
    await failure(ensure(host)).catch(() => undefined);
    t.true(fits(await ensure(host)), `fault at write ${nth}`);
  }
});

test('the CA key survives the crash between key and certificate', async (t) => {
  const host = createFakeHost();
  host.files.inject({ code: 'EIO', operation: 'writeAtomic', path: `${directory}/ca.pem` });
  await t.throwsAsync(ensure(host));
  const key = host.files.text(`${directory}/ca-key.pem`);
  t.is((await ensure(host)).ca.keyPem, key ?? '');
});

test('the client certificate is renewed with its key when two thirds of its life are over', async (t) => {
  const host = createFakeHost();
  const first = await ensure(host);
  const life = certificateLife(readCertificate(first.client.certPem, 'client'));
  t.is(life.notAfterMs - life.notBeforeMs, 397 * dayMs);
  t.is(life.notBeforeMs, host.clock.nowMs() - 2 * dayMs);
  host.clock.advance(260 * dayMs);
  t.deepEqual(await ensure(host), first);
  host.clock.advance(5 * dayMs);
  const renewed = await ensure(host);
  t.is(renewed.client.keyPem, first.client.keyPem);
  t.not(renewed.client.certPem, first.client.certPem);
  t.deepEqual(renewed.ca, first.ca);
  t.true(fits(renewed));
});

test('a client certificate never outlives its CA, and is not renewed in vain at the end', async (t) => {
  const host = createFakeHost();
  const { ca } = await ensure(host);
  const end = certificateLife(readCertificate(ca.certPem, 'ca')).notAfterMs;
  host.clock.advance(end - host.clock.nowMs() - 20 * dayMs);
  const last = await ensure(host);
  t.is(certificateLife(readCertificate(last.client.certPem, 'client')).notAfterMs, end);
  host.clock.advance(19 * dayMs);
  t.deepEqual(await ensure(host), last);
});

test('an expired CA is reported, not replaced', async (t) => {
  const host = createFakeHost();
  await ensure(host);
  const before = host.files.text(`${directory}/ca.pem`);
  host.clock.advance(3653 * dayMs);
  const error = await failure(ensure(host));
  t.is(error.code, 'certificate-invalid');
  t.regex(error.message, /expired/);
  t.true(error.remedies.some((line) => line.includes('ca-key.pem')));
  t.is(host.files.text(`${directory}/ca.pem`), before);
});

test('a CA from the future means a wrong clock', async (t) => {
  const host = createFakeHost();
  await ensure(host);
  const earlier = createFakeHost({ startMs: Date.UTC(2020, 0, 1) });
  for (const name of ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem']) {
    earlier.files.put(`${directory}/${name}`, host.files.text(`${directory}/${name}`) ?? '', 0o600);
  }
  earlier.files.putDirectory(directory, 0o700);
  const error = await failure(ensure(earlier));
  t.is(error.code, 'certificate-invalid');
  t.true(error.remedies.some((line) => line.includes('clock')));
});

test('a CA that was lost in part is not made anew', async (t) => {
  for (const lost of [['ca-key.pem'], ['ca.pem'], ['ca.pem', 'ca-key.pem']]) {
    const host = createFakeHost();
    await ensure(host);
    for (const name of lost) {
      await host.files.remove(`${directory}/${name}`);
    }
    t.is((await failure(ensure(host))).code, 'certificate-invalid', lost.join());
  }
});

test('CA and key that do not belong together, and a CA that is none, are errors', async (t) => {
  const host = createFakeHost();
  const made = await ensure(host);
  host.files.put(`${directory}/ca-key.pem`, await issueKey('ec'), 0o600);
  t.regex((await failure(ensure(host))).message, /is not the key of/);
  host.files.put(`${directory}/ca-key.pem`, made.client.keyPem, 0o600);
  host.files.put(`${directory}/ca.pem`, made.client.certPem);
  t.regex((await failure(ensure(host))).message, /not the certificate of a CA/);
  host.files.put(`${directory}/ca.pem`, 'rubbish');
  t.regex((await failure(ensure(host))).message, /no certificate that can be read/);
});

test('a client certificate of another CA or for servers is replaced, a broken key too', async (t) => {
  const host = createFakeHost();
  const { ca, client } = await ensure(host);
  const otherKey = await issueKey('ec');
  const other = { keyPem: otherKey, certPem: issueCaCertificate(host, otherKey, 'other') };
  const request = { organization: 'o', commonName: 'c', sans: [] };
  const wrong = [
    issueLeafCertificate(host, other, client.keyPem, { ...request, purpose: 'client' }),
    issueLeafCertificate(host, ca, client.keyPem, { ...request, purpose: 'server' }),
    issueLeafCertificate(host, ca, await issueKey('ec'), { ...request, purpose: 'client' }),
    'rubbish',
  ];
  for (const pem of wrong) {
    host.files.put(`${directory}/cert.pem`, pem);
    const repaired = await ensure(host);
    t.true(fits(repaired));
    t.is(repaired.client.keyPem, client.keyPem);
  }
  host.files.put(`${directory}/key.pem`, '', 0o600);
  t.true(fits(await ensure(host)));
});

test('a client key with a passphrase is left and reported', async (t) => {
  const host = createFakeHost();
  const { client } = await ensure(host);
  const locked = String(
    readPrivateKey(client.keyPem, 'key').export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'x',
    }),
  );
  host.files.put(`${directory}/key.pem`, locked, 0o600);
  t.regex((await failure(ensure(host))).why ?? '', /passphrase/);
  t.is(host.files.text(`${directory}/key.pem`), locked);
});

test('a directory that others can change is refused', async (t) => {
  for (const mode of [0o770, 0o707, 0o777]) {
    const host = createFakeHost();
    host.files.putDirectory(directory, mode);
    const error = await failure(ensure(host));
    t.is(error.code, 'store-unsafe');
    t.true(error.remedies[0]?.includes('chmod go-w'));
  }
  const windows = createFakeHost({ platform: 'win32' });
  windows.files.putDirectory('C:\\certs', 0o777);
  t.true(fits(await ensureAuthority(windows, 'C:\\certs', options)));
});

test('keys that others can read are closed', async (t) => {
  const host = createFakeHost();
  await ensure(host);
  await host.files.chmod(`${directory}/key.pem`, 0o644);
  await host.files.chmod(`${directory}/ca-key.pem`, 0o640);
  await ensure(host);
  t.is(host.files.nodes.get(`${directory}/key.pem`)?.mode, 0o600);
  t.is(host.files.nodes.get(`${directory}/ca-key.pem`)?.mode, 0o600);
});

test('a user name of any characters gives certificates that can be read', async (t) => {
  for (const userName of ['', 'a_b@c#d', 'jürgen', '李', 'x'.repeat(300), 'a\0b\n', '\ud800']) {
    const host = createFakeHost();
    const { ca, client } = await ensureAuthority(host, directory, { keyType: 'ec', userName });
    t.true(fits({ ca, client }), JSON.stringify(userName));
    t.notRegex(new X509Certificate(client.certPem).subject, /\0/);
  }
});

test('without the lock: the same as with it when all is there and good, else nothing and nothing is made', async (t) => {
  const host = createFakeHost();
  t.is(await readAuthority(host, directory), undefined);
  t.deepEqual(await host.files.list(directory), []);
  const made = await ensure(host);
  t.deepEqual(await readAuthority(host, directory), made);
  for (const name of ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem']) {
    const path = `${directory}/${name}`;
    const text = host.files.text(path) ?? '';
    await host.files.remove(path);
    t.is(await readAuthority(host, directory), undefined, `${name} missing`);
    await host.files.writeAtomic(path, 'damaged', 0o600);
    t.is(await readAuthority(host, directory), undefined, `${name} damaged`);
    await host.files.writeAtomic(path, text, 0o600);
  }
  t.deepEqual(await readAuthority(host, directory), made);
  host.clock.advance(300 * dayMs);
  t.is(await readAuthority(host, directory), undefined, 'renewal is due');
});
