import test from 'ava';
import { offeredAlgorithms } from '../../../src/ssh/algorithms.ts';
import { hostKeyCheck } from '../../../src/ssh/host-key.ts';
import { generateSshKeyPair, parsePublicLine } from '../../../src/ssh/keys.ts';
import { createFakeHost } from '../../fakes/host.ts';

const host = createFakeHost();
const one = generateSshKeyPair(host, 'one');
const two = generateSshKeyPair(host, 'two');
const blobOf = (line: string): Uint8Array => parsePublicLine(line).blob;

test('the verifier answers true or false, never a promise', (t) => {
  const check = hostKeyCheck({ pinned: one.publicLine });
  t.is(check.verify(blobOf(one.publicLine)), true);
  t.false(check.wasRefused());
  t.is(hostKeyCheck({ pinned: one.publicLine }).verify(blobOf(two.publicLine)), false);
  t.is(hostKeyCheck({ fingerprint: one.fingerprint }).verify(blobOf(one.publicLine)), true);
  t.is(hostKeyCheck({ fingerprint: one.fingerprint }).verify(blobOf(two.publicLine)), false);
  t.is(hostKeyCheck({ fingerprint: '' }).verify(blobOf(two.publicLine)), false);
});

test('at first use any key passes, and then only that one', (t) => {
  const check = hostKeyCheck({ firstUse: true });
  t.is(check.shown(), undefined);
  t.true(check.verify(blobOf(two.publicLine)));
  t.is(check.shown(), two.publicLine.split(' ').slice(0, 2).join(' '));
  t.false(check.verify(blobOf(one.publicLine)));
  t.true(check.wasRefused());
});

test('a pinned key asks for its own type only', (t) => {
  t.is(hostKeyCheck({ pinned: one.publicLine }).type, 'ssh-ed25519');
  t.deepEqual(offeredAlgorithms('ssh-ed25519').serverHostKey, ['ssh-ed25519']);
  t.deepEqual(offeredAlgorithms('ssh-rsa').serverHostKey, ['rsa-sha2-512', 'rsa-sha2-256']);
});

test('nothing with SHA-1, CBC, chacha20 or compression is offered', (t) => {
  t.notRegex(JSON.stringify(offeredAlgorithms()), /ssh-rsa|ssh-dss|sha1|cbc|chacha|zlib|arcfour|md5/);
});
