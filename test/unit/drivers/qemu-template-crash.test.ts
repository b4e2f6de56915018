import test, { type ExecutionContext } from 'ava';
import driver from '../../../src/drivers/qemu/driver.ts';
import { mortalHost, type MortalHost } from '../../fakes/mortal-host.ts';
import {
  cacheEntries,
  contextOf,
  create,
  directoryOf,
  flipBit,
  makeScene,
  onlyTemplate,
  type Change,
  type Scene,
} from './template-scene.ts';

// The process that creates a machine is killed before every single thing that it does to its surroundings.

const deedsMax = 400;
const runPath = '/home/ann/.cache/tsmachine/run/';

/** A create whose process dies before its n-th deed. */
async function killedCreate(scene: Scene, diesAt: number, change: Change = {}): Promise<MortalHost> {
  const life = mortalHost(scene.host, { pid: 2000 + diesAt, diesAt });
  const progress = { hasEnded: false };
  const end = (): void => {
    progress.hasEnded = true;
  };
  create(scene, { ...change, host: life.host }).then(end, end);
  // A wait for a socket of a dead process has no end.
  while (!life.isDead() && !progress.hasEnded) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Whatever is still on its way comes to its end before the next process begins.
  for (let turn = 0; turn < 20; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return life;
}

/** One machine runs on a disk that is its own, and nothing is left of a maker. */
function isWell(t: ExecutionContext, scene: Scene, names: readonly string[], when: string): void {
  const { host, qemu } = scene;
  t.deepEqual(qemu.mismatches, [], when);
  t.deepEqual(
    qemu.running().map(({ name }) => name),
    names.map((name) => `tsm-${name}`),
    when,
  );
  for (const name of names) {
    t.is(host.files.text(`${directoryOf(name)}/resume.json`), undefined, when);
    t.regex(host.files.text(`${directoryOf(name)}/console.log`) ?? '', /ready/, when);
  }
  t.deepEqual(
    cacheEntries(scene).filter((entry) => !/^[0-9a-f]{32}(\.lock.*)?$/.test(entry)),
    [],
    when,
  );
  const sockets = [...host.files.nodes.keys()].filter((path) => path.startsWith(runPath));
  t.deepEqual(sockets, [], when);
}

interface Setting {
  readonly version?: string;
  /** There is a template already. */
  readonly hasTemplate: boolean;
  /** Makes the resume fail. */
  readonly spoil?: (scene: Scene) => void;
}

async function forEveryDeed(
  setting: Setting,
  check: (scene: Scene, when: string) => Promise<void>,
): Promise<number> {
  for (let diesAt = 1; diesAt < deedsMax; diesAt += 1) {
    const scene = makeScene();
    scene.qemu.version = setting.version ?? scene.qemu.version;
    if (setting.hasTemplate) {
      await driver.kill(await create(scene, { name: 'first' }));
    }
    setting.spoil?.(scene);
    const life = await killedCreate(scene, diesAt);
    if (!life.isDead()) {
      return life.deeds.length;
    }
    await check(scene, `killed after ${diesAt - 1} deeds, the last: ${life.deeds.at(-1) ?? 'none'}`);
  }
  throw new Error('There is no end of deeds.');
}

for (const version of ['QEMU emulator version 7.2.22', 'QEMU emulator version 10.0.2']) {
  for (const hasTemplate of [false, true]) {
    const title = `${version}, ${hasTemplate ? 'resuming' : 'making'}`;
    test(`${title}: a create that was killed anywhere is finished by the next one`, async (t) => {
      const deeds = await forEveryDeed({ version, hasTemplate }, async (scene, when) => {
        await t.notThrowsAsync(create(scene), when);
        isWell(t, scene, ['dev'], when);
        onlyTemplate(scene);
      });
      t.true(deeds > (hasTemplate ? 20 : 50), `only ${deeds} deeds`);
    });
  }
}

for (const hasTemplate of [false, true]) {
  test(`${hasTemplate ? 'resuming' : 'making'}: a create that was killed anywhere does no harm to another machine`, async (t) => {
    await forEveryDeed({ hasTemplate }, async (scene, when) => {
      await t.notThrowsAsync(create(scene, { name: 'other' }), when);
      await driver.remove(contextOf(scene));
      isWell(t, scene, ['other'], when);
    });
  });
}

test('what a killed create leaves is gone after rm and prune', async (t) => {
  await forEveryDeed({ hasTemplate: false }, async (scene, when) => {
    const context = contextOf(scene);
    await driver.remove(context);
    const cache = context.boot?.resume?.cache;
    if (cache === undefined) {
      throw new Error('There is no cache.');
    }
    await driver.prune?.({ host: scene.host, signal: context.signal, cache, keepImages: new Set() });
    t.deepEqual(scene.qemu.running(), [], when);
    t.deepEqual(
      cacheEntries(scene).filter((entry) => !entry.includes('.lock')),
      [],
      when,
    );
  });
});

const failures: Readonly<Record<string, (scene: Scene) => void>> = {
  'damaged memory': (scene) => {
    flipBit(scene, `${onlyTemplate(scene)}/ram`);
  },
  'a guest that gives up': ({ qemu }) => {
    qemu.lines.resumed.splice(1, 2, 'TS 10 failed template: it is tired');
  },
};

for (const [title, spoil] of Object.entries(failures)) {
  test(`${title}: a create that was killed anywhere, also while it falls back to a boot, is finished`, async (t) => {
    await forEveryDeed({ hasTemplate: true, spoil }, async (scene, when) => {
      await t.notThrowsAsync(create(scene), when);
      isWell(t, scene, ['dev'], when);
    });
  });
}
