import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import ssh2 from 'ssh2';
import { isMachineError } from '../../../src/core/errors.ts';
import {
  dropbearHostKey,
  fingerprintOf,
  generateSshKeyPair,
  parsePublicLine,
  privateKeyForSsh2,
  publicLine,
  publicLineOf,
} from '../../../src/ssh/keys.ts';
import { createFakeHost } from '../../fakes/host.ts';

// RFC 8032, 7.1, test 1.
const rfcSeed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const rfcPublic = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';

function fromSeed(hex: string): { randomBytes(count: number): Uint8Array } {
  return { randomBytes: (count) => (count === 32 ? Buffer.from(hex, 'hex') : new Uint8Array(count)) };
}

test('the key of a known seed', (t) => {
  const pair = generateSshKeyPair(fromSeed(rfcSeed), 'a test');
  const { type, blob } = parsePublicLine(pair.publicLine);
  t.is(type, 'ssh-ed25519');
  t.is(Buffer.from(blob).toString('hex'), `0000000b${Buffer.from(type).toString('hex')}00000020${rfcPublic}`);
  t.true(pair.publicLine.endsWith(' a test'));
  t.is(publicLineOf(pair.privatePem), pair.publicLine);
  t.is(pair.fingerprint, fingerprintOf(blob));
  t.regex(pair.fingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/);
});

test("dropbear's host key file: type, then seed and public key", (t) => {
  const file = Buffer.from(dropbearHostKey(generateSshKeyPair(fromSeed(rfcSeed), 'x')));
  t.is(file.length, 83);
  t.is(file.toString('hex'), `0000000b7373682d6564323535313900000040${rfcSeed}${rfcPublic}`);
});

test('ssh2 reads every key that is made, whatever the comment', (t) => {
  const host = createFakeHost();
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (comment) => {
      const pair = generateSshKeyPair(host, comment);
      const parsed = ssh2.utils.parseKey(pair.privatePem);
      return (
        !(parsed instanceof Error) &&
        publicLine(parsed.getPublicSSH()) === pair.publicLine.split(' ').slice(0, 2).join(' ') &&
        !/[\r\n]/.test(pair.publicLine)
      );
    }),
  );
  t.pass();
});

test('lines that are no public keys are refused', (t) => {
  const good = generateSshKeyPair(fromSeed(rfcSeed), '').publicLine;
  for (const line of [
    '',
    'ssh-ed25519',
    'ssh-ed25519 AAAA',
    good.replace('ssh-ed25519', 'ssh-rsa'),
    'ssh-ed25519 ////',
  ]) {
    const error = t.throws(() => parsePublicLine(line), undefined, line);
    t.true(isMachineError(error) && error.code === 'certificate-invalid');
  }
});

test('a host key that is not ed25519 in OpenSSH format is refused', (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs1',
    format: 'pem',
  });
  for (const privatePem of [
    '',
    String(rsa),
    generateSshKeyPair(fromSeed(rfcSeed), '').privatePem.slice(0, 200),
  ]) {
    const error = t.throws(() => dropbearHostKey({ privatePem }));
    t.true(isMachineError(error) && error.code === 'certificate-invalid');
  }
});

test('PKCS#8 keys are turned into what ssh2 reads', (t) => {
  const keys = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ed25519'),
  ];
  for (const { privateKey } of keys) {
    const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const parsed = ssh2.utils.parseKey(privateKeyForSsh2(pem));
    t.false(parsed instanceof Error);
    t.true(ssh2.utils.parseKey(pem) instanceof Error);
  }
});

test('other forms pass unchanged, keys with a passphrase are refused with a word on it', (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pkcs1 = String(privateKey.export({ type: 'pkcs1', format: 'pem' }));
  t.is(privateKeyForSsh2(pkcs1), pkcs1);
  const secret = { format: 'pem', cipher: 'aes-128-cbc', passphrase: 'x' } as const;
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const error = t.throws(() => privateKeyForSsh2(String(privateKey.export({ type, ...secret }))));
    t.true(isMachineError(error) && error.code === 'ssh-key-rejected');
  }
  t.throws(() => privateKeyForSsh2('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'));
  t.notThrows(() => createPrivateKey(pkcs1));
});
