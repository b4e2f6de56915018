import test from 'ava';
import { guestPathOf, watchedBinds } from '../../../src/agent/watched-binds.ts';

const share = (
  path: string,
  { guestPaths = [path], isReadOnly = false } = {},
): {
  path: string;
  guestPaths: string[];
  isReadOnly: boolean;
} => ({ path, guestPaths, isReadOnly });

test('what containers have of shares is watched, each directory once, inner ones with the outer', (t) => {
  const shares = [share('/home/ann'), share('/data', { isReadOnly: true })];
  const containers = [
    { binds: ['/home/ann/site/css', '/home/ann/site', '/var/run/docker.sock', '/data/x', '/home/annie'] },
    { binds: ['/home/ann/site', '/home/ann/sites'] },
    { binds: [] },
  ];
  t.deepEqual(watchedBinds(containers, shares), [
    { path: '/home/ann/site', guestPath: '/home/ann/site' },
    { path: '/home/ann/sites', guestPath: '/home/ann/sites' },
  ]);
  t.deepEqual(watchedBinds([{ binds: [] }], shares), []);
});

test('a share inside another decides for what is in it', (t) => {
  const shares = [share('/home/ann'), share('/home/ann/fixed', { isReadOnly: true })];
  t.deepEqual(watchedBinds([{ binds: ['/home/ann/fixed/x'] }], shares), []);
});

test('paths of Windows are turned both ways', (t) => {
  const shares = [share('C:\\Users\\ann', { guestPaths: ['/c/Users/ann', '/mnt/c/Users/ann'] })];
  const binds = watchedBinds([{ binds: ['/mnt/c/Users/ann/site/css', '/c/Users/ann/site'] }], shares);
  t.deepEqual(binds, [{ path: 'C:\\Users\\ann\\site', guestPath: '/c/Users/ann/site' }]);
  const [bind = { path: '', guestPath: '' }] = binds;
  t.is(guestPathOf(bind, 'C:\\Users\\ann\\site\\css\\a b'), '/c/Users/ann/site/css/a b');
});

test('a path that would be two lines is none', (t) => {
  const bind = { path: '/home/ann', guestPath: '/home/ann' };
  t.is(guestPathOf(bind, '/home/ann/a\nb'), undefined);
  t.is(guestPathOf(bind, '/home/ann'), '/home/ann');
});
