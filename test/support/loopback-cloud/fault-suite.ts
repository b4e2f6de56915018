import test, { type ExecutionContext } from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { ownedKinds, type OwnedResource } from '../../../src/drivers/owned.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import type { CloudRequest, Fault, FaultServer } from './fault-server.ts';

// What goes wrong between here and a cloud: create, then remove, and in the end the cloud itself says that nothing is left.
// One account, one machine after the other. Waiting takes no time.

/** What there is in an account by kind, without what is there from the beginning. */
export type Rests = Readonly<Record<string, readonly string[]>>;

/** A cloud with nothing in it. */
export interface CloudScene<Request extends CloudRequest = CloudRequest> {
  readonly server: FaultServer<Request>;
  /** A new machine, by default of a store of its own. */
  readonly make: (options?: { readonly name?: string; readonly storeId?: string }) => CloudMachine;
  /** Asks the cloud itself; a kind of which there is nothing may be there with an empty list. */
  readonly rests: () => Promise<Rests>;
}

type Body<Scene> = (t: ExecutionContext, scene: Scene) => Promise<void>;

/** Declares a test with a scene of its own, which must be empty in the end. */
export type DeclareScene<Scene> = (title: string, body: Body<Scene>) => void;

/** @param open makes a scene, hands it over and closes it; absent with the reason why none can be made here. */
export function sceneDeclarer<Scene extends Pick<CloudScene, 'rests'>>(
  open: (use: (scene: Scene) => Promise<void>) => Promise<void>,
  missing?: string,
): DeclareScene<Scene> {
  return (title, body) => {
    test.serial(title, async (t) => {
      t.timeout(240_000);
      if (missing !== undefined) {
        t.log(`skipped: ${missing}`);
        t.pass();
        return;
      }
      await open(async (scene) => {
        await body(t, scene);
        t.deepEqual(await restsIn(scene), {}, 'nothing is left');
      });
    });
  };
}

/** What is there, without the kinds of which there is nothing. */
export async function restsIn({ rests }: Pick<CloudScene, 'rests'>): Promise<Rests> {
  return Object.fromEntries(Object.entries(await rests()).filter(([, ids]) => ids.length > 0));
}

/** Everything of a create that is the driver's. */
export async function createIn({ driver, context }: CloudMachine): Promise<void> {
  for (const step of driver.steps(context)) {
    await step.run();
  }
  await driver.start(context);
}

/** @returns the error, one of ours, or undefined. */
export async function tryCreate(t: ExecutionContext, machine: CloudMachine): Promise<unknown> {
  try {
    await createIn(machine);
    return undefined;
  } catch (error) {
    t.true(isMachineError(error) && error.code !== 'bug', String(error));
    return error;
  }
}

/** As `gc` does it. */
async function removeAll(
  { driver }: CloudMachine,
  context: Parameters<NonNullable<CloudMachine['driver']['removeOwned']>>[0],
  resources: readonly OwnedResource[],
): Promise<void> {
  for (const kind of ownedKinds) {
    for (const resource of resources.filter((each) => each.kind === kind)) {
      await driver.removeOwned?.(context, resource);
    }
  }
}

/** What the cloud calls things. */
export interface FaultKinds<Request extends CloudRequest> {
  /** The request that makes the machine itself, which costs money. */
  readonly isCreate: (request: Request) => boolean;
  /** The request that removes it. */
  readonly isRemoval: (request: Request) => boolean;
  /** An answer of that status in the cloud's form. */
  readonly error: (status: number, headers?: Readonly<Record<string, string>>) => Fault;
  /** The answers with which the cloud says that it has no time, for a while. */
  readonly busy: readonly (() => Fault)[];
  /** Kind under which machines themselves stand in the rests. */
  readonly instances: string;
  /** A create has so many requests at least. */
  readonly callsMin: number;
}

/** Declares the faults that every cloud must bear. */
export function declareFaults<Request extends CloudRequest, Scene extends CloudScene<Request>>(
  declare: DeclareScene<Scene>,
  kinds: FaultKinds<Request>,
): void {
  const instancesIn = async (scene: Scene): Promise<number> =>
    (await restsIn(scene))[kinds.instances]?.length ?? 0;

  declare('the answer to the request that makes the machine is lost twice: one machine', async (t, scene) => {
    const machine = scene.make();
    let lost = 0;
    scene.server.onRequest = (request) => {
      if (kinds.isCreate(request) && lost < 2) {
        lost += 1;
        return { kind: 'cut', when: 'after' };
      }
      return undefined;
    };
    await createIn(machine);
    t.true(lost > 0);
    t.is(await instancesIn(scene), 1);
    await machine.cleanup();
  });

  declare('the answer never comes, nor any after it: rm finds the machine', async (t, scene) => {
    const machine = scene.make();
    let isLost = false;
    scene.server.onRequest = (request) => {
      isLost ||= kinds.isCreate(request);
      return isLost ? { kind: 'cut', when: kinds.isCreate(request) ? 'after' : 'before' } : undefined;
    };
    t.true(isMachineError(await tryCreate(t, machine)));
    t.true((await instancesIn(scene)) === 1);
    scene.server.onRequest = () => undefined;
    await machine.cleanup();
  });

  declare('bursts in which the cloud has no time slow it down and make nothing twice', async (t, scene) => {
    const machine = scene.make();
    scene.server.onRequest = ({ index }) => kinds.busy[(index % 4) - 1]?.();
    await createIn(machine);
    t.true(machine.host.clock.sleeps.filter((ms) => ms === 11_000).length > 1, 'Retry-After: 11 is honoured');
    t.is(await instancesIn(scene), 1);
    await machine.cleanup();
  });

  const breakEveryCall = async (
    t: ExecutionContext,
    scene: Scene,
    { fault, forever }: { readonly fault: Fault; readonly forever: boolean },
  ): Promise<void> => {
    let created = 0;
    let at = 0;
    for (let broken = 1; broken > 0;) {
      at += 1;
      broken = 0;
      const machine = scene.make();
      const first = scene.server.requests.length;
      scene.server.onRequest = ({ index }) => {
        const isHit = forever ? index - first >= at : index - first === at;
        broken += isHit ? 1 : 0;
        return isHit ? fault : undefined;
      };
      const error = await tryCreate(t, machine);
      scene.server.onRequest = () => undefined;
      created += error === undefined ? 1 : 0;
      t.true((await instancesIn(scene)) <= 1, `one machine at most: ${at}`);
      await machine.cleanup();
      t.deepEqual(await restsIn(scene), {}, `nothing is left: ${at}`);
    }
    t.log(`${at - 1} calls broken`);
    t.true(at > kinds.callsMin, `${at} calls`);
    t.is(created, forever ? 1 : at);
  };

  declare('500 once on each call: sent again, nothing twice', async (t, scene) => {
    await breakEveryCall(t, scene, { fault: kinds.error(500), forever: false });
  });

  declare('each answer is lost once', async (t, scene) => {
    await breakEveryCall(t, scene, { fault: { kind: 'cut', when: 'after' }, forever: false });
  });

  declare('500 for ever from each call on: an error, and rm leaves nothing', async (t, scene) => {
    await breakEveryCall(t, scene, { fault: kinds.error(500), forever: true });
  });

  for (const [what, body] of [
    ['a page of HTML', '<html><body>Welcome to the hotel</body></html>'],
    ['half an answer', '{"server": {"id": 4711'],
    ['nothing', ''],
  ] as const) {
    declare(`${what} instead of an answer is a clear error`, async (t, scene) => {
      const machine = scene.make();
      scene.server.onRequest = () => ({
        kind: 'answer',
        status: 200,
        body,
        headers: { 'content-type': 'text/html' },
      });
      const error = await tryCreate(t, machine);
      t.true(isMachineError(error), String(error));
      t.notRegex(String(error), /undefined|\[object/);
      scene.server.onRequest = () => undefined;
      await machine.cleanup();
    });
  }

  declare(
    'everything is lost here: what was made is found where its place says, and removed',
    async (t, scene) => {
      const storeId = '00000000-0000-4000-8000-00000000000a';
      const lost = scene.make({ storeId });
      const { driver, context } = lost;
      await createIn(lost);
      const theirs = scene.make({ name: 'theirs' });
      await createIn(theirs);
      const place = driver.place?.(context.config, lost.state()) ?? {};
      const found = driver.configure(place);
      const there = {
        ...context,
        config: driver.readConfig(found.config),
        state: found.state ?? {},
      };
      const owned = (await driver.listOwned?.(there, storeId)) ?? [];
      const { machineId } = (await context.provider?.ownership()) ?? { machineId: '?' };
      t.true(owned.some((each) => each.kind === 'instance' && each.machineId === machineId));
      t.true(owned.every((each) => each.machineId === undefined || each.machineId === machineId));
      await removeAll(lost, there, owned);
      t.is(await instancesIn(scene), 1, "another store's machine is not touched");
      await theirs.cleanup();
      // What both used was in use until now.
      await removeAll(lost, there, (await driver.listOwned?.(there, storeId)) ?? []);
      t.deepEqual(await driver.listOwned?.(there, storeId), []);
    },
  );

  declare(
    'credentials end in the middle of rm: nothing is forgotten, the next rm finishes',
    async (t, scene) => {
      const machine = scene.make();
      await createIn(machine);
      scene.server.onRequest = (request) => (kinds.isRemoval(request) ? kinds.error(401) : undefined);
      await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
      t.is(await instancesIn(scene), 1);
      scene.server.onRequest = () => undefined;
      await machine.cleanup();
    },
  );
}
