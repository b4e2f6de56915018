import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { createMachine } from '../../../src/machine/create.ts';
import { openMachine } from '../../../src/machine/open.ts';
import { loadOwnData, updateOwnData } from '../../../src/machine/own-data.ts';
import { startLocked } from '../../../src/machine/power.ts';
import { pruneImages } from '../../../src/machine/prune-images.ts';
import { createSession, type Session } from '../../../src/machine/session.ts';
import { rollBackImage, upgradeImage } from '../../../src/machine/upgrade-image.ts';
import { locateImage } from '../../../src/image/locate.ts';
import { asMemoryMachine, type ImageMachine } from '../../fakes/image-machine.ts';
import { mortalHost } from '../../fakes/mortal-host.ts';
import { createRotatingGuest } from '../../fakes/rotating-guest.ts';
import { tinyImage, type TinyImage } from '../image/tiny-image.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from './support.ts';

const dayS = 86_400;
const made = 1_795_040_263;
const images = {
  old: tinyImage({ mark: 'old', sourceDateEpoch: made }),
  newer: tinyImage({ mark: 'newer', sourceDateEpoch: made + dayS }),
  ancient: tinyImage({ mark: 'ancient', sourceDateEpoch: made - dayS }),
};
const [old, newer] = [images.old.manifest.digest, images.newer.manifest.digest];
const checkout = '/opt/tsmachine/build/image/amd64';

interface Scene {
  readonly session: TestSession;
  readonly guest: ImageMachine;
}

function install({ host }: TestSession, image: TinyImage): void {
  for (const [name, data] of image.built) {
    host.files.put(`${checkout}/${name}`, data);
  }
}

/** A machine that runs with the old image, while there is a newer one on the computer. */
async function setUp(installed: TinyImage = images.newer): Promise<Scene> {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  install(session, images.old);
  await locateImage(session.host, undefined, session);
  await updateOwnData(session, 'm', { imageDigest: old });
  install(session, installed);
  createRotatingGuest(session.host, '');
  const guest = asMemoryMachine(await openMachine(session, 'm'));
  session.events.length = 0;
  return { session, guest };
}

function notes({ session }: Scene): string[] {
  return session.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
}

async function digests(session: Session): Promise<readonly (string | undefined)[]> {
  const { imageDigest, previousImageDigest } = await loadOwnData(session, 'm');
  return [imageDigest, previousImageDigest];
}

test('a machine that runs is stopped, gets the newest image and is started with it', async (t) => {
  const scene = await setUp();
  const { session, guest } = scene;
  await upgradeImage(session, guest.machine);
  t.deepEqual(guest.boots, [newer]);
  t.deepEqual([guest.stops, guest.kills, guest.power], [1, 0, 'running']);
  t.deepEqual(await digests(session), [newer, old]);
  const summaries = session.events.flatMap((event) => (event.type === 'step-begin' ? [event.summary] : []));
  t.true(summaries.includes('Stopping machine to do the upgrade...'));
  t.true(summaries.includes('Upgrading machine "m"...'));
  t.true(notes(scene).includes('Starting machine back up...'));
});

test('a machine that is off need not be started first; afterwards it runs', async (t) => {
  const { session, guest } = await setUp();
  guest.power = 'stopped';
  await upgradeImage(session, guest.machine);
  t.deepEqual([guest.stops, guest.power], [0, 'running']);
  t.deepEqual(guest.boots, [newer]);
});

for (const [title, image] of [
  ['with the newest image', images.old],
  ['with an image that is newer than the one of this computer', images.ancient],
] as const) {
  test(`a machine ${title} is left alone, whatever its state`, async (t) => {
    for (const power of ['running', 'stopped'] as const) {
      const scene = await setUp(image);
      scene.guest.power = power;
      await upgradeImage(scene.session, scene.guest.machine);
      t.deepEqual([scene.guest.boots, scene.guest.stops, scene.guest.power], [[], 0, power]);
      t.deepEqual(await digests(scene.session), [old, undefined]);
      t.regex(notes(scene).join('\n'), /has the newest image already: 20261118-26\.1\.5/);
    }
  });
}

test('back and forth: each call brings the other image, the data is nobody to touch', async (t) => {
  const { session, guest } = await setUp();
  await upgradeImage(session, guest.machine);
  await rollBackImage(session, guest.machine);
  t.deepEqual(await digests(session), [old, newer]);
  await rollBackImage(session, guest.machine);
  t.deepEqual(await digests(session), [newer, old]);
  t.deepEqual(guest.boots, [newer, old, newer]);
  t.is(guest.power, 'running');
});

test('a machine with a copy of its image gets another copy, and the old one back', async (t) => {
  const { session } = await setUp();
  const guest = asMemoryMachine(await openMachine(session, 'm'), { hasCopy: true });
  await upgradeImage(session, guest.machine);
  t.deepEqual(guest.copies, [newer]);
  await rollBackImage(session, guest.machine);
  t.deepEqual(guest.copies, [newer, old]);
  guest.bad.add(newer);
  await t.throwsAsync(upgradeImage(session, guest.machine));
  t.deepEqual(guest.copies, [newer, old, newer, old]);
});

test('a machine that was never upgraded has nothing to go back to', async (t) => {
  const { session, guest } = await setUp();
  await t.throwsAsync(rollBackImage(session, guest.machine), { code: 'machine-state' });
  t.deepEqual([guest.boots, guest.stops], [[], 0]);
});

test('an image to go back to is not pruned; one that is gone is an error before anything is stopped', async (t) => {
  const { session, guest } = await setUp();
  await upgradeImage(session, guest.machine);
  await pruneImages(session);
  await rollBackImage(session, guest.machine);
  t.deepEqual(await digests(session), [old, newer]);
  await session.host.files.remove(`${storePath}/cache/images/${newer}`);
  install(session, images.ancient);
  const { stops } = guest;
  await t.throwsAsync(rollBackImage(session, guest.machine), { code: 'image-not-found' });
  t.is(guest.stops, stops);
});

test('a machine that does not start with the new image runs with the old one again', async (t) => {
  const { session, guest } = await setUp();
  guest.bad.add(newer);
  const error = await t.throwsAsync(upgradeImage(session, guest.machine), { code: 'vm-boot-timeout' });
  t.is(
    error.message,
    'The machine "m" does not start with the other image; it runs with the one from before.',
  );
  t.like(error, { why: 'The machine did not become ready. It is bad.' });
  t.deepEqual(guest.boots, [newer, old]);
  t.deepEqual([guest.kills, guest.power], [1, 'running']);
  t.deepEqual(await digests(session), [old, undefined]);
  guest.bad.clear();
  await upgradeImage(session, guest.machine);
  t.deepEqual(await digests(session), [newer, old]);
});

test('with neither image: both errors are told, and the machine has its old image', async (t) => {
  const { session, guest } = await setUp();
  guest.bad.add(newer).add(old);
  const error = await t.throwsAsync(upgradeImage(session, guest.machine));
  t.regex(error.message, /with the one from before it does not either/);
  t.deepEqual(await digests(session), [old, undefined]);
});

test('an interrupt while it starts says nothing of the image: it stays', async (t) => {
  const { session, guest } = await setUp();
  guest.bad.add(newer);
  guest.onStart = () => {
    session.abort.abort(new Error('interrupted'));
  };
  await t.throwsAsync(upgradeImage(session, guest.machine), { message: 'interrupted' });
  t.deepEqual(await digests(session), [newer, old]);
  t.is(guest.kills, 0);
});

test('a machine that starts or stops is left alone', async (t) => {
  const { session, guest } = await setUp();
  guest.power = 'stopping';
  await t.throwsAsync(upgradeImage(session, guest.machine), {
    code: 'machine-state',
    message: /is stopping/,
  });
  t.deepEqual(await digests(session), [old, undefined]);
});

/** An upgrade whose process is killed before its n-th deed. @returns whether it was. */
async function killedUpgrade({ session, guest }: Scene, diesAt: number): Promise<boolean> {
  const life = mortalHost(session.host, { pid: 2000 + diesAt, diesAt });
  const mortal = createSession({ ...session, host: life.host });
  const progress = { hasEnded: false };
  const end = (): void => {
    progress.hasEnded = true;
  };
  upgradeImage(mortal, guest.machine).then(end, end);
  while (!life.isDead() && !progress.hasEnded) {
    await turn();
  }
  for (let count = 0; count < 20; count += 1) {
    await turn();
  }
  return life.isDead();
}

async function forEveryDeed(t: ExecutionContext, check: (scene: Scene) => Promise<void>): Promise<void> {
  for (let diesAt = 1; diesAt < 200; diesAt += 1) {
    const scene = await setUp();
    if (!(await killedUpgrade(scene, diesAt))) {
      t.true(diesAt > 10, `only ${diesAt} deeds`);
      return;
    }
    await check(scene);
  }
  t.fail('there is no end of deeds');
}

test('an upgrade that was killed anywhere is finished by the next one', async (t) => {
  await forEveryDeed(t, async ({ session, guest }) => {
    await upgradeImage(session, guest.machine);
    t.is(guest.power, 'running');
    t.is(guest.boots.at(-1), newer);
    t.deepEqual(await digests(session), [newer, old]);
  });
});

test('an upgrade that was killed anywhere leaves a machine that starts', async (t) => {
  await forEveryDeed(t, async ({ session, guest }) => {
    if (guest.power === 'stopped') {
      await startLocked(session, guest.machine);
      t.is(guest.boots.at(-1), (await digests(session))[0]);
    }
    t.is(guest.power, 'running');
  });
});
