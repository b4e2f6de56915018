import test from 'ava';
import { armor, enums, readSignature } from 'openpgp';
import { readTrustedKeys } from '../../../iso/build/archive-keys.ts';
import { verifyInRelease } from '../../../iso/build/inrelease.ts';
import { clearSign, makeKey, releaseText } from './make-release.ts';

const trusted = await makeKey('Trusted');
const second = await makeKey('Second');
const stranger = await makeKey('Stranger');
const keys = [trusted.publicKey, second.publicKey];

test('a signed file is read', async (t) => {
  const text = await clearSign(releaseText({ validUntil: 'Sat, 19 Sep 2026 07:55:41 UTC' }), trusted);
  const release = await verifyInRelease(text, keys, 'InRelease');
  t.is(release.codename, 'trixie');
  t.is(release.suite, 'stable');
  t.is(release.label, 'Debian');
  t.is(release.dateMs, Date.UTC(2026, 8, 12, 7, 55, 41));
  t.is(release.validUntilMs, Date.UTC(2026, 8, 19, 7, 55, 41));
  t.true(release.byHash);
  t.deepEqual(release.signers, [trusted.publicKey.getFingerprint()]);
  t.deepEqual(release.sums.get('main/binary-amd64/Packages.xz'), {
    sizeBytes: 1,
    sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
  });
});

test('any changed byte of the text is refused', async (t) => {
  const text = await clearSign(releaseText(), trusted);
  const start = text.indexOf('Origin');
  const end = text.indexOf('-----BEGIN PGP SIGNATURE');
  for (let at = start; at < end - 2; at += 17) {
    const changed = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
    const error = await t.throwsAsync(verifyInRelease(changed, keys, 'mirror/InRelease'), {
      code: 'signature-invalid',
    });
    t.regex(error.message, /mirror\/InRelease/);
  }
});

test('a stranger alone is refused, beside a trusted key ignored', async (t) => {
  const alone = await clearSign(releaseText(), stranger);
  await t.throwsAsync(verifyInRelease(alone, keys, 'InRelease'), { code: 'signature-invalid' });
  const both = await clearSign(releaseText(), stranger, trusted);
  t.deepEqual((await verifyInRelease(both, keys, 'InRelease')).signers, [trusted.publicKey.getFingerprint()]);
});

test('a wrong signature in the name of a trusted key is refused even beside a right one', async (t) => {
  const body = releaseText();
  const good = await clearSign(body, trusted);
  const other = await clearSign(releaseText({ date: 'Sun, 13 Sep 2026 00:00:00 UTC' }), second);
  const signature = (text: string): string => text.slice(text.indexOf('-----BEGIN PGP SIGNATURE'));
  const spliced = good.replace(signature(good), '');
  const packets: Uint8Array[] = [];
  for (const text of [good, other]) {
    packets.push((await readSignature({ armoredSignature: signature(text) })).write() as Uint8Array);
  }
  const joined = armor(enums.armor.signature, Buffer.concat(packets));
  await t.throwsAsync(verifyInRelease(`${spliced}${joined}`, keys, 'InRelease'), {
    code: 'signature-invalid',
  });
});

test('text around the signed block does not count', async (t) => {
  const text = await clearSign(releaseText(), trusted);
  const forged = `Codename: forged\nSHA256:\n ${'0'.repeat(64)} 1 main/binary-amd64/Packages.xz\n\n`;
  try {
    const release = await verifyInRelease(`${forged}${text}\n${forged}`, keys, 'InRelease');
    t.is(release.codename, 'trixie');
    t.not(release.sums.get('main/binary-amd64/Packages.xz')?.sha256, '0'.repeat(64));
  } catch (error) {
    t.is((error as { code?: string }).code, 'signature-invalid');
  }
});

test('texts that are no signed release file are refused', async (t) => {
  for (const text of ['', '<html></html>', releaseText()]) {
    await t.throwsAsync(verifyInRelease(text, keys, 'InRelease'), { code: 'signature-invalid' });
  }
  const noSums = await clearSign('Codename: trixie\nDate: Sat, 12 Sep 2026 07:55:41 UTC\n', trusted);
  await t.throwsAsync(verifyInRelease(noSums, keys, 'InRelease'), { code: 'image-build-failed' });
  const noDate = await clearSign(releaseText({ date: 'yesterday' }), trusted);
  await t.throwsAsync(verifyInRelease(noDate, keys, 'InRelease'), { code: 'image-build-failed' });
});

test('the keys that come with tsmachine are those that are pinned', async (t) => {
  const pinned = await readTrustedKeys();
  t.deepEqual(
    [pinned.main, pinned.security].map((list) => list.map((key) => key.getFingerprint().slice(-8))),
    [
      ['350947f8', '75b188bd', 'b2c39de4'],
      ['aec0a8f0', '4cce68c6'],
    ],
  );
});
