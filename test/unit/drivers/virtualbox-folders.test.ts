import test from 'ava';
import type { Share } from '../../../src/drivers/driver.ts';
import { arrangeFolders } from '../../../src/drivers/virtualbox/shared-folders.ts';
import { requireMachine } from '../../../src/drivers/virtualbox/machine.ts';
import { openVBoxManage } from '../../../src/drivers/virtualbox/vboxmanage.ts';
import { openScene, type Scene } from './virtualbox-scene.ts';

const share = (path: string, index = 0, isReadOnly = false): Share => ({
  path,
  isReadOnly,
  tag: `tsm${index}`,
  way: 'vboxsf',
});

/** Arranges these shares, and returns the calls that it took. */
async function arrange({ context, host, calls }: Scene, shares: readonly Share[]): Promise<string[]> {
  if (context.boot !== undefined) {
    context.boot = { ...context.boot, shares };
  }
  const vbox = await openVBoxManage(host, context.signal);
  const target = await requireMachine(vbox, context);
  const before = calls().length;
  await arrangeFolders(context, vbox, target);
  return calls().slice(before);
}

async function made(): Promise<Scene> {
  const scene = openScene({ host: { tree: { '/home/ann/site/x': '', '/data/x': '' } } });
  await scene.make();
  return scene;
}

test('folders are added under their tags, symlinks allowed, and one is only for reading', async (t) => {
  const scene = await made();
  await arrange(scene, [share('/home/ann/site'), share('/data', 1, true)]);
  const machine = scene.vbox.state.machines[0];
  t.deepEqual(machine?.folders, [
    { name: 'tsm0', path: '/home/ann/site', isReadOnly: false },
    { name: 'tsm1', path: '/data', isReadOnly: true },
  ]);
  t.is(machine?.extraData['VBoxInternal2/SharedFoldersEnableSymlinksCreate/tsm0'], '1');
});

test('what is as it should be is left, and a change replaces only what is ours', async (t) => {
  const scene = await made();
  const [machine] = scene.vbox.state.machines;
  (machine ?? { folders: [] }).folders = [{ name: 'hosthome', path: '/data', isReadOnly: false }];
  t.deepEqual(await arrange(scene, []), [], 'no share, no call');
  await arrange(scene, [share('/home/ann/site')]);
  t.is((await arrange(scene, [share('/home/ann/site')])).length, 1, 'one question');
  await arrange(scene, [share('/home/ann/site', 0, true)]);
  t.deepEqual(machine?.folders, [
    { name: 'hosthome', path: '/data', isReadOnly: false },
    { name: 'tsm0', path: '/home/ann/site', isReadOnly: true },
  ]);
  await arrange(scene, []);
  t.deepEqual(
    machine?.folders?.map(({ name }) => name),
    ['hosthome'],
  );
});

test('a directory that is gone is told, and hinders neither the others nor the start', async (t) => {
  const scene = await made();
  await arrange(scene, [share('/gone'), share('/data', 1)]);
  t.deepEqual(
    scene.vbox.state.machines[0]?.folders?.map(({ path }) => path),
    ['/data'],
  );
  const told = scene.events.map((event) => ('message' in event ? event.message : '')).join('\n');
  t.regex(told, /does not see \/gone: .*VERR_FILE_NOT_FOUND/);
});
