import test from 'ava';
import { bindsOutside, meantForHere } from '../../../src/machine/outside-binds.ts';
import { createFakeHost } from '../../fakes/host.ts';

const shares = [{ guestPaths: ['/home/ann/work'] }, { guestPaths: ['/c/Users/ann', '/mnt/c/Users/ann'] }];

test('a bind mount is outside when no share brings it and the machine has it not for itself', (t) => {
  const binds = [
    ...['/home/ann/work', '/home/ann/work/site', '/mnt/c/Users/ann/x', '/c/Users/ann'],
    ...[
      '/var/run/docker.sock',
      '/var/lib/docker/volumes/v/_data',
      '/etc/localtime',
      '/lib/modules',
      '/',
      '/var/log',
    ],
    ...['/home/ann/works', '/home/ann/other', '/c/Users', '/srv', '/var/folders/ab/T'],
  ];
  t.deepEqual(
    bindsOutside([{ name: 'web', binds }], shares).map(({ path }) => path),
    ['/home/ann/works', '/home/ann/other', '/c/Users', '/srv', '/var/folders/ab/T'],
  );
  t.deepEqual(bindsOutside([{ name: 'web', binds: [] }], shares), []);
  t.deepEqual(bindsOutside([{ name: 'web', binds: ['/data'] }], []), [{ container: 'web', path: '/data' }]);
});

const paths = async (host: Parameters<typeof meantForHere>[0], ...all: string[]): Promise<string[]> =>
  (
    await meantForHere(
      host,
      all.map((path) => ({ container: 'web', path })),
    )
  ).map(({ path }) => path);

test('meant for this computer is what is here, or would be in the home directory', async (t) => {
  const host = createFakeHost({
    homeDirectory: '/home/ann',
    tree: { '/home/ann/site/x': '', '/data/x': '', '/srv/y': '' },
  });
  t.deepEqual(
    await paths(host, '/data', '/data/x', '/data/new', '/home/ann/site/new', '/home/ann/no/new', '/machine'),
    ['/data', '/data/x', '/home/ann/site/new'],
  );
});

test('on Windows paths of the machine are looked up on their drives', async (t) => {
  const host = createFakeHost({
    platform: 'win32',
    homeDirectory: 'C:\\Users\\ann',
    tree: { 'C:\\Users\\ann\\site\\x': '', 'D:\\data\\x': '' },
  });
  t.deepEqual(await paths(host, '/d/data', '/mnt/d/data', '/c/Users/ann/site/new', '/home/docker', '/e/x'), [
    '/d/data',
    '/mnt/d/data',
    '/c/Users/ann/site/new',
  ]);
});
