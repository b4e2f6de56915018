import type { ExecutionContext } from 'ava';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import type { Session } from '../../../src/machine/session.ts';
import { makeStore, type TestStore } from '../cli.ts';
import {
  bakeWithoutHost,
  createWithoutHost,
  inside,
  openRealSession,
  requestFor,
} from './bake-without-host.ts';
import type { CloudRequest } from './fault-server.ts';
import { restsIn, type CloudScene, type DeclareScene } from './fault-suite.ts';

// From `image bake` to a machine of the image and `image rm`, with a store on the disk; only nobody logs in anywhere.

/** What the cloud calls things. */
export interface FlowKinds<Request extends CloudRequest, Scene> {
  readonly driverName: string;
  readonly values: (scene: Scene) => FlagValues;
  readonly env: Readonly<Record<string, string>> | ((scene: Scene) => Readonly<Record<string, string>>);
  /** The flag that names an image. */
  readonly flag: string;
  /** The request that makes an image. */
  readonly isMake: (request: Request) => boolean;
  /** The image that the last machine was made of. */
  readonly imageOf: (requests: readonly Request[]) => string | undefined;
  /** Kind under which images stand in the rests. */
  readonly images: string;
}

interface Flow<Scene> {
  readonly t: ExecutionContext;
  readonly scene: Scene;
  readonly store: TestStore;
  readonly env: Readonly<Record<string, string>>;
  readonly session: Session;
  readonly abort: AbortController;
}

/** Declares them. */
export function declareBakeFlow<Request extends CloudRequest, Scene extends CloudScene<Request>>(
  declare: DeclareScene<Scene>,
  { driverName, values, env: envOf, flag, isMake, imageOf, images }: FlowKinds<Request, Scene>,
): void {
  const flow = (title: string, body: (flow: Flow<Scene>) => Promise<void>): void => {
    declare(title, async (t, scene) => {
      const store = await makeStore();
      const abort = new AbortController();
      const env = typeof envOf === 'function' ? envOf(scene) : envOf;
      const session = openRealSession(store.path, { env: { ...env }, signal: abort.signal });
      try {
        await body({ t, scene, store, env, session, abort });
      } finally {
        await session.close();
        await store.dispose();
      }
    });
  };
  const bake = async (
    { scene, session }: Flow<Scene>,
    clean?: Parameters<typeof bakeWithoutHost>[1]['clean'],
  ): Promise<void> =>
    bakeWithoutHost(session, {
      ...{ imageName: 'ci-1', driverName, values: values(scene) },
      ...(clean === undefined ? {} : { clean }),
    });
  const tsmachine = async ({ t, store, env }: Flow<Scene>, ...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await store.tsmachine(words, { env });
    t.is(code, 0, `${words.join(' ')}: ${stderr}`);
    return stdout;
  };

  flow('a baked image is listed, a machine is made of it by its name, and both go', async (all) => {
    const { t, scene, session } = all;
    await bake(all);
    t.is(await tsmachine(all, 'ls', '-q'), '');
    const [image] = JSON.parse(await tsmachine(all, 'image', 'baked', '--json')) as Record<string, unknown>[];
    t.like(image, { name: 'ci-1', driver: driverName, ...inside });
    const table = await tsmachine(all, 'image', 'baked', '-d', driverName);
    t.regex(table, /^NAME +DRIVER/);
    t.true(table.includes(inside.engineVersion) && table.includes(String(image?.['id'])));
    await t.throwsAsync(bake(all), { code: 'cloud-conflict', message: /ci-1 already/ });
    await createWithoutHost(session, requestFor('dev', driverName, { ...values(scene), [flag]: 'ci-1' }));
    t.is(imageOf(scene.server.requests), String(image?.['id']));
    await tsmachine(all, 'rm', '-y', 'dev');
    await tsmachine(all, 'gc', '-y');
    t.is((await restsIn(scene))[images]?.length, 1);
    await tsmachine(all, 'image', 'rm', '-y', 'ci-1');
    t.is(await tsmachine(all, 'image', 'baked', '--json'), '[]\n');
  });

  flow('what fails on the host, or an interrupt, leaves nothing', async (all) => {
    const { t, scene, abort } = all;
    await t.throwsAsync(
      bake(all, async () => {
        throw new Error('the disk is full');
      }),
      { message: 'the disk is full' },
    );
    t.deepEqual(await restsIn(scene), {});
    t.is(await tsmachine(all, 'ls', '-q'), '');
    scene.server.onDone = (request) => {
      if (isMake(request)) {
        abort.abort(new Error('interrupted'));
      }
    };
    await t.throwsAsync(bake(all));
    scene.server.onDone = () => undefined;
    t.true(abort.signal.aborted);
    t.is(await tsmachine(all, 'ls', '-q'), '');
  });
}
