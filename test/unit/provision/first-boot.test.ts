import test from 'ava';
import { firstBootScript, parseFirstBoot } from '../../../src/provision/first-boot.ts';
import { debian } from '../../../src/provision/families/debian.ts';
import { progressMark } from '../../../src/provision/long-script.ts';

const usual = { installUrl: 'https://get.docker.com', env: [] };

test('a host that boots does for its system what would be done over SSH', (t) => {
  const script = firstBootScript(usual) ?? '';
  t.regex(script, /^#!\/bin\/sh\n/);
  const os = { id: 'debian', idLike: [], versionId: '12', variantId: '', prettyName: '' };
  t.true(script.includes((debian.install?.({ os, architecture: 'x86_64' }) ?? '?').trim()));
  t.regex(script, /^debian \| ubuntu \| raspbian\)$/m);
  t.regex(script, /^fedora\)$/m);
  t.regex(script, /^centos \| rocky \| almalinux \| ol\)$/m);
  t.false(script.includes('boot2docker'));
  t.regex(script, /'fedora coreos'/);
  t.true(script.includes('/run/tsmachine-install.lock'), 'the lock of an installation over SSH');
  t.is(firstBootScript({ ...usual, installUrl: '' }), script);
});

test('the user data of every provider has room for it', (t) => {
  // Of the 16 KiB of EC2 the host key and the timer take one and a half.
  t.true((firstBootScript(usual) ?? '').length < 6_000);
});

test('what everybody on the host may not read, and what the user has chosen, is left to SSH', (t) => {
  for (const installUrl of ['none', 'https://example.com/install.sh?token=hush']) {
    t.is(firstBootScript({ ...usual, installUrl }), undefined);
  }
  t.is(firstBootScript({ ...usual, env: ['HTTPS_PROXY=http://ann:hush@proxy:3128'] }), undefined);
  const script = firstBootScript({ ...usual, env: ['HTTPS_PROXY=http://proxy:3128', 'TOKEN=hush'] }) ?? '';
  t.regex(script, /^export https_proxy='?http:\/\/proxy:3128'? HTTPS_PROXY='?http:\/\/proxy:3128'?$/m);
  t.false(script.includes('hush'));
});

test('how it ended is read', (t) => {
  t.deepEqual(parseFirstBoot(`${progressMark}The machine …\nfirst-boot done\n`), { end: 'done' });
  t.deepEqual(parseFirstBoot('first-boot failed\none\n\u001b[31mtwo\n'), {
    end: 'failed',
    said: 'one |  [31mtwo',
  });
  t.deepEqual(parseFirstBoot('first-boot late\n'), { end: 'late', said: '' });
  t.deepEqual(parseFirstBoot('what?'), { end: 'skipped', said: '' });
});
