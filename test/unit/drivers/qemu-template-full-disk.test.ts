import test, { type ExecutionContext } from 'ava';
import { isMachineError, messageOf } from '../../../src/core/errors.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import {
  cacheEntries,
  create,
  directoryOf,
  flipBit,
  makeScene,
  onlyTemplate,
  takeNotes,
  type Scene,
} from './template-scene.ts';

// A full disk fails what needs room; a removal or a rename does not.
const operations = ['writeAtomic', 'writeNew', 'appendDurable', 'makeDirectory', 'copy'] as const;
const faultsMax = 60;

interface Setting {
  readonly hasTemplate: boolean;
  readonly lasting: boolean;
  readonly spoil?: (scene: Scene) => void;
}

async function makeSetting(setting: Setting): Promise<Scene> {
  const scene = makeScene();
  if (setting.hasTemplate) {
    await driver.kill(await create(scene, { name: 'first' }));
  }
  setting.spoil?.(scene);
  return scene;
}

/** The machine runs and is ready, and nobody else runs. */
function isWell(t: ExecutionContext, scene: Scene, when: string): void {
  t.deepEqual(
    scene.qemu.running().map(({ name }) => name),
    ['tsm-dev'],
    when,
  );
  t.regex(scene.host.files.text(`${directoryOf()}/console.log`) ?? '', /ready/, when);
  t.deepEqual(scene.qemu.mismatches, [], when);
}

/** Fails the n-th write of a kind, for every n that there is. */
async function fillAtEveryWrite(t: ExecutionContext, setting: Setting): Promise<void> {
  for (const operation of operations) {
    let isHit = true;
    for (let nth = 1; isHit; nth += 1) {
      t.true(nth < faultsMax);
      const scene = await makeSetting(setting);
      const when = `${operation} ${nth}`;
      isHit = await createOnFullDisk(t, scene, { operation, nth, lasting: setting.lasting });
      t.false(
        scene.qemu.running().some(({ kind }) => kind === 'template'),
        when,
      );
      t.false(
        cacheEntries(scene).some((name) => name.startsWith('.making-') || name.endsWith('.lock')),
        `${when}: ${cacheEntries(scene).join()}`,
      );
      scene.host.files.heal();
      await t.notThrowsAsync(create(scene), when);
      isWell(t, scene, when);
    }
  }
}

/** False when the create did not come to the fault. */
async function createOnFullDisk(
  t: ExecutionContext,
  scene: Scene,
  fault: { readonly operation: (typeof operations)[number]; readonly nth: number; readonly lasting: boolean },
): Promise<boolean> {
  const { operation, nth, lasting } = fault;
  const when = `${operation} ${nth}`;
  const method = scene.host.files[operation].bind(scene.host.files) as (...args: unknown[]) => Promise<void>;
  let calls = 0;
  Object.assign(scene.host.files, {
    [operation]: async (...args: unknown[]) => {
      calls += 1;
      return method(...args);
    },
  });
  scene.host.files.inject({ code: 'ENOSPC', operation, nth, lasting });
  const error = await create(scene).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) {
    isWell(t, scene, when);
  } else {
    t.true(isMachineError(error), when);
    t.regex(messageOf(error), /\/home\/ann\//, when);
  }
  return calls >= nth;
}

for (const lasting of [false, true]) {
  const how = lasting ? 'from the n-th write on' : 'at the n-th write';
  test(`the disk is full ${how} of making: a machine that runs, or an error that names a path; then all is well`, async (t) => {
    await fillAtEveryWrite(t, { hasTemplate: false, lasting });
  });
  test(`the disk is full ${how} of resuming: a machine that runs, or an error that names a path; then all is well`, async (t) => {
    await fillAtEveryWrite(t, { hasTemplate: true, lasting });
  });
}

test('the disk is full at the n-th write of a resume that fails: the same', async (t) => {
  const spoil = (scene: Scene): void => {
    flipBit(scene, `${onlyTemplate(scene)}/ram`);
  };
  await fillAtEveryWrite(t, { hasTemplate: true, lasting: false, spoil });
});

test('nothing at all can be written into the cache: the machine is booted', async (t) => {
  const scene = makeScene();
  scene.host.files.inject({ code: 'ENOSPC', path: /cache\/drivers\/qemu\/\.(making|failed)/, lasting: true });
  await create(scene);
  isWell(t, scene, '');
  t.is(scene.qemu.running()[0]?.kind, 'boot');
  t.regex(takeNotes(scene).join('\n'), /a template could not be made\. .*ENOSPC/);
});
