import type { ExecutionContext } from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { CheckContext } from '../../../src/drivers/driver.ts';
import type { BakedImage, ImageMaker } from '../../../src/drivers/images.ts';
import { ownedKinds } from '../../../src/drivers/owned.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import type { CloudRequest, Fault } from './fault-server.ts';
import { createIn, restsIn, type CloudScene, type DeclareScene } from './fault-suite.ts';

// Images of machines of a cloud: made, listed, removed, and what goes wrong meanwhile. The cloud itself says in the end that
// nothing is left.

const order = { name: 'ci-1', system: 'Ubuntu 24.04.2 LTS', engineVersion: '28.0.4' };
const storeId = '00000000-0000-4000-8000-00000000000a';

/** What the cloud calls things. */
export interface BakeKinds<Scene> {
  readonly error: (status: number) => Fault;
  /** Kind under which images stand in the rests. */
  readonly images: string;
  /** Makes the cloud say so often that an image is not ready. */
  readonly slow: (scene: Scene, answers: number) => void;
  /** The cloud takes the mark and sets it in its own time, so an error may come before it. */
  readonly marksLater?: true;
}

type Context = CheckContext<unknown>;

function contextOf(machine: CloudMachine): Context {
  return machine.context;
}

async function makerOf({ driver }: CloudMachine): Promise<ImageMaker<unknown>> {
  const maker = await driver.images?.();
  if (maker === undefined) {
    throw new Error('the driver makes no images');
  }
  return maker;
}

/** Declares what holds for images of every cloud. */
export function declareBake<Request extends CloudRequest, Scene extends CloudScene<Request>>(
  declare: DeclareScene<Scene>,
  kinds: BakeKinds<Scene>,
): void {
  /** A machine that is off, of which an image can be made. */
  const ready = async (scene: Scene): Promise<CloudMachine> => {
    const machine = scene.make({ storeId });
    await createIn(machine);
    await machine.driver.stop(machine.context);
    return machine;
  };

  const finished = async (machine: CloudMachine): Promise<readonly BakedImage[]> =>
    (await (await makerOf(machine)).list(contextOf(machine), storeId)).filter(({ isFinished }) => isFinished);

  const removeAll = async (machine: CloudMachine): Promise<void> => {
    const maker = await makerOf(machine);
    for (const image of await finished(machine)) {
      await maker.remove(contextOf(machine), image);
    }
  };

  /** As `gc` does it when the machine is gone. */
  const sweep = async ({ driver, context }: CloudMachine): Promise<void> => {
    const owned = (await driver.listOwned?.(context, storeId)) ?? [];
    for (const kind of ownedKinds) {
      for (const resource of owned.filter((each) => each.kind === kind)) {
        await driver.removeOwned?.(context, resource);
      }
    }
  };

  declare('an image is made, outlives its machine, and goes with all that it holds', async (t, scene) => {
    const machine = await ready(scene);
    const maker = await makerOf(machine);
    kinds.slow(scene, 2);
    await maker.make(machine.context, order);
    const [image, ...more] = await finished(machine);
    t.deepEqual(more, []);
    const { machineId } = (await machine.context.provider?.ownership()) ?? {};
    t.like(image, { ...order, machineId, isFinished: true });
    t.true(image?.createdMs !== undefined);
    t.deepEqual(await maker.list(contextOf(machine), '00000000-0000-4000-8000-00000000000b'), []);
    // Nobody makes a second one of the same machine.
    await maker.make(machine.context, order);
    t.is((await restsIn(scene))[kinds.images]?.length, 1);
    await machine.cleanup();
    t.is((await finished(machine)).length, 1);
    t.false(
      ((await machine.driver.listOwned?.(machine.context, storeId)) ?? []).some(
        ({ kind }) => kind === 'image',
      ),
    );
    await sweep(machine);
    t.is((await restsIn(scene))[kinds.images]?.length, 1, 'a finished image is nobody’s rest');
    await removeAll(machine);
    t.deepEqual(await finished(machine), []);
    // What is gone already is success.
    await maker.remove(contextOf(machine), image ?? { id: '' });
  });

  const breakEveryCall = async (
    t: ExecutionContext,
    scene: Scene,
    { fault, forever }: { readonly fault: Fault; readonly forever: boolean },
  ): Promise<void> => {
    let made = 0;
    let at = 0;
    for (let broken = 1; broken > 0;) {
      at += 1;
      broken = 0;
      const machine = await ready(scene);
      const maker = await makerOf(machine);
      const first = scene.server.requests.length;
      scene.server.onRequest = ({ index }) => {
        const isHit = forever ? index - first >= at : index - first === at;
        broken += isHit ? 1 : 0;
        return isHit ? fault : undefined;
      };
      let error: unknown;
      try {
        await maker.make(machine.context, order);
        made += 1;
      } catch (thrown) {
        error = thrown;
        t.true(isMachineError(thrown) && thrown.code !== 'bug', String(thrown));
      }
      scene.server.onRequest = () => undefined;
      t.true(((await restsIn(scene))[kinds.images]?.length ?? 0) <= 1, `one image at most: ${at}`);
      const wholeCount = (await finished(machine)).length;
      t.true(wholeCount === (error === undefined ? 1 : 0) || (wholeCount === 1 && kinds.marksLater === true));
      await machine.cleanup();
      await sweep(machine);
      await removeAll(machine);
      t.deepEqual(await restsIn(scene), {}, `nothing is left: ${at}`);
    }
    t.log(`${at - 1} calls broken`);
    t.true(at > 3, `${at} calls`);
    t.is(made, forever ? 1 : at);
  };

  declare('bake: 500 once on each call', async (t, scene) => {
    await breakEveryCall(t, scene, { fault: kinds.error(500), forever: false });
  });

  declare('bake: each answer is lost once', async (t, scene) => {
    await breakEveryCall(t, scene, { fault: { kind: 'cut', when: 'after' }, forever: false });
  });

  declare(
    'bake: 500 for ever from each call on; what is left is found by the mark of the store',
    async (t, scene) => {
      await breakEveryCall(t, scene, { fault: kinds.error(500), forever: true });
    },
  );

  declare('bake: an image that is never ready is an error, and no finished image', async (t, scene) => {
    const machine = await ready(scene);
    kinds.slow(scene, Infinity);
    await t.throwsAsync((await makerOf(machine)).make(machine.context, order), { code: 'timeout' });
    t.deepEqual(await finished(machine), []);
    kinds.slow(scene, 0);
    await machine.cleanup();
    await sweep(machine);
  });

  declare('image rm: each answer of it is lost once, and each of it is 500 once', async (t, scene) => {
    for (const fault of [kinds.error(500), { kind: 'cut', when: 'after' } as const]) {
      for (let at = 1, broken = 1; broken > 0; at += 1) {
        broken = 0;
        const machine = await ready(scene);
        const maker = await makerOf(machine);
        await maker.make(machine.context, order);
        await machine.cleanup();
        const [image] = await finished(machine);
        const first = scene.server.requests.length;
        scene.server.onRequest = ({ index }) => {
          broken += index - first === at ? 1 : 0;
          return index - first === at ? fault : undefined;
        };
        await maker.remove(contextOf(machine), image ?? { id: '' });
        scene.server.onRequest = () => undefined;
        await sweep(machine);
        t.deepEqual(await restsIn(scene), {}, `nothing is left: ${at}`);
      }
    }
  });
}
