import test from 'ava';
import { sweepLeftovers } from '../../../src/store/leftovers.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const store = '/home/ann/store';
const machines = `${store}/machines`;

function lockOf(pid: number, startTime: string): string {
  return JSON.stringify({
    pid,
    startTime,
    command: 'create x',
    since: '2026-01-01T00:00:00.000Z',
    token: 't',
  });
}

const dead = lockOf(50, 'boot/50');
// The fake host's own process.
const alive = lockOf(1000, 'boot/own');

function namesIn(host: FakeHost): string[] {
  return [...host.files.nodes]
    .filter(([path, node]) => path.startsWith(`${store}/`) && node.kind === 'file')
    .map(([path]) => path.slice(store.length + 1))
    .sort();
}

test('what dead processes left is removed, in the store and beside the machines', async (t) => {
  const host = createFakeHost({
    tree: {
      [`${machines}/dev/config.json`]: '{}',
      [`${machines}/dev/config.json.tmp-50-1`]: '{',
      [`${machines}/.a.lock`]: dead,
      [`${machines}/.a.new/config.json`]: '{}',
      [`${machines}/.b.removed/config.json`]: '{}',
      [`${machines}/.c.lock.g`]: dead,
      [`${machines}/.d.lock.tmp-50-abcdef`]: dead,
      [`${machines}/.d.new.lock`]: dead,
      [`${store}/.certs.lock`]: dead,
      [`${store}/.certs.lock.g.tmp-51-012345`]: dead,
    },
  });
  await sweepLeftovers(host, store);
  t.deepEqual(namesIn(host), ['machines/dev/config.json', 'machines/dev/config.json.tmp-50-1']);
});

test('what a process that lives has in use stays, and so does what is not ours', async (t) => {
  const tree = {
    [`${machines}/.a.lock`]: alive,
    [`${machines}/.a.new/config.json`]: '{}',
    [`${machines}/.b.lock.tmp-1000-abcdef`]: alive,
    [`${machines}/.mine/notes`]: 'x',
    [`${machines}/.new/notes`]: 'x',
    [`${machines}/x.lock/config.json`]: '{}',
    [`${store}/.certs.lock`]: alive,
    [`${store}/.x.removed/notes`]: 'x',
  };
  const host = createFakeHost({ tree });
  await sweepLeftovers(host, store);
  t.deepEqual(
    namesIn(host),
    Object.keys(tree)
      .map((path) => path.slice(store.length + 1))
      .sort(),
  );
});

test('a store that is not there, and a leftover that cannot be removed, are no failure', async (t) => {
  await t.notThrowsAsync(sweepLeftovers(createFakeHost(), store));
  const host = createFakeHost({
    tree: { [`${machines}/.a.new/config.json`]: '{}', [`${machines}/.b.new/config.json`]: '{}' },
  });
  const remove = host.files.remove.bind(host.files);
  host.files.remove = async (path) => {
    if (path.includes('.a.new')) {
      throw new Error('EACCES');
    }
    await remove(path);
  };
  await sweepLeftovers(host, store);
  t.deepEqual(namesIn(host), ['machines/.a.new/config.json']);
});
