import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseDeb822, parseList, readAptMirrors } from '../../../iso/build/apt-sources.ts';
import { chooseMirrors } from '../../../iso/build/mirror.ts';

/** A folder like /etc/apt with these files. */
async function aptFolder(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-apt-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  return folder;
}

const deb822 = `# A comment
Types: deb deb-src
# Another in the middle
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
`;

test('the deb822 form is read', async (t) => {
  const folder = await aptFolder(t, { 'sources.list.d/debian.sources': deb822 });
  t.deepEqual(await readAptMirrors(folder), {
    main: 'http://mirror.example/debian',
    security: 'http://mirror.example/debian-security',
  });
});

test('the one-line form is read', async (t) => {
  const folder = await aptFolder(t, {
    'sources.list': [
      '# deb http://comment.example/debian trixie main',
      'deb-src http://source.example/debian trixie main',
      'deb [signed-by=/x.gpg arch=amd64] https://one.example/debian trixie main contrib',
      'deb https://one.example/debian-security trixie-security main',
    ].join('\n'),
  });
  t.deepEqual(await readAptMirrors(folder), {
    main: 'https://one.example/debian',
    security: 'https://one.example/debian-security',
  });
});

test('archives of others, of other systems, and switched-off ones are passed over', async (t) => {
  const folder = await aptFolder(t, {
    'sources.list':
      'deb https://vendor.example/apt cloud-sdk-bookworm main\ndeb https://ubuntu.example/ noble main\n',
    'sources.list.d/node.sources':
      'Types: deb\nURIs: https://node.example/\nSuites: nodistro\nComponents: main\n',
    'sources.list.d/off.sources':
      'Enabled: no\nTypes: deb\nURIs: https://off.example/\nSuites: trixie\nComponents: main\n',
    'sources.list.d/cd.list': 'deb cdrom:[Debian 13]/ trixie main\n',
    'sources.list.d/old.list.save': 'deb https://saved.example/ trixie main\n',
  });
  t.deepEqual(await readAptMirrors(folder), {});
});

test('without any file there is no mirror', async (t) => {
  t.deepEqual(await readAptMirrors('/nonexistent-apt'), {});
});

test('damaged files give nothing and do not throw', (t) => {
  t.deepEqual(parseDeb822('URIs\n: x\nTypes: deb'), []);
  t.deepEqual(parseList('deb\ndeb [a=b\ndeb http://x.example'), []);
});

test('option beats environment, environment beats apt, each archive for itself', async (t) => {
  const aptDirectory = await aptFolder(t, { 'sources.list.d/debian.sources': deb822 });
  const environment = { TSMACHINE_DEBIAN_MIRROR: 'http://env.example/debian/' };
  t.deepEqual(await chooseMirrors({ environment, aptDirectory }), {
    main: 'http://env.example/debian',
    security: 'http://mirror.example/debian-security',
  });
  const chosen = await chooseMirrors({ mirror: 'http://option.example/', environment, aptDirectory });
  t.is(chosen.main, 'http://option.example');
});

test('an unknown mirror, and an address that is not http, are refused with the way out', async (t) => {
  const none = await t.throwsAsync(chooseMirrors({ environment: {}, aptDirectory: '/nonexistent-apt' }), {
    code: 'image-build-failed',
  });
  t.regex((none as unknown as { remedies: string[] }).remedies.join(), /TSMACHINE_DEBIAN_MIRROR/);
  for (const mirror of ['file:///srv/debian', 'mirror.example', 'ftp://mirror.example/']) {
    const options = { mirror, securityMirror: 'http://x.example', environment: {} };
    await t.throwsAsync(chooseMirrors(options), { code: 'image-build-failed' }, mirror);
  }
});
