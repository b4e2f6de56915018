import test from 'ava';
import type { ShareWay } from '../../../src/drivers/driver.ts';
import { guestPathOf, watchedBinds } from '../../../src/agent/watched-binds.ts';

const share = (
  path: string,
  {
    guestPaths = [path],
    isReadOnly = false,
    way = '9p',
  }: { guestPaths?: string[]; isReadOnly?: boolean; way?: ShareWay } = {},
): {
  path: string;
  guestPaths: string[];
  isReadOnly: boolean;
  way: ShareWay;
} => ({ path, guestPaths, isReadOnly, way });

test('what containers have of shares is watched, each directory once, inner ones with the outer', (t) => {
  const shares = [share('/home/ann'), share('/data', { isReadOnly: true })];
  const containers = [
    { binds: ['/home/ann/site/css', '/home/ann/site', '/var/run/docker.sock', '/data/x', '/home/annie'] },
    { binds: ['/home/ann/site', '/home/ann/sites'] },
    { binds: [] },
  ];
  t.deepEqual(watchedBinds(containers, shares), [
    { path: '/home/ann/site', guestPath: '/home/ann/site', way: '9p' },
    { path: '/home/ann/sites', guestPath: '/home/ann/sites', way: '9p' },
  ]);
  t.deepEqual(watchedBinds([{ binds: [] }], shares), []);
});

test('a share inside another decides for what is in it', (t) => {
  const shares = [share('/home/ann'), share('/home/ann/fixed', { isReadOnly: true })];
  t.deepEqual(watchedBinds([{ binds: ['/home/ann/fixed/x'] }], shares), []);
});

test('paths of Windows are turned both ways', (t) => {
  const guestPaths = ['/c/Users/ann', '/mnt/c/Users/ann'];
  const shares = [share('C:\\Users\\ann', { guestPaths, way: 'sftp' })];
  const binds = watchedBinds([{ binds: ['/mnt/c/Users/ann/site/css', '/c/Users/ann/site'] }], shares);
  t.deepEqual(binds, [{ path: 'C:\\Users\\ann\\site', guestPath: '/c/Users/ann/site', way: 'sftp' }]);
  const [bind = { path: '', guestPath: '' }] = binds;
  t.is(guestPathOf(bind, 'C:\\Users\\ann\\site\\css\\a b'), '/c/Users/ann/site/css/a b');
});

test('what a guest cannot be told is not watched', (t) => {
  t.deepEqual(watchedBinds([{ binds: ['/home/ann/site'] }], [share('/home/ann', { way: 'vboxsf' })]), []);
});
