import { randomUUID } from 'node:crypto';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { machineTags } from '../../../src/cloud/ownership.ts';
import { makeStore, type Outcome, type TestStore } from '../../support/cli.ts';
import { ec2Error, startEc2Proxy, type Ec2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Env as env } from '../../support/loopback-cloud/ec2-records.ts';
import { restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { restsIn, type Rests } from '../../support/loopback-cloud/fault-suite.ts';
import { adoptUntilSsh, createUntilSsh } from '../../support/loopback-cloud/half-made.ts';
import { makeSpotRequest } from '../../support/loopback-cloud/ec2-spot.ts';
import { motoMissing, startMoto, type Moto } from '../../support/loopback-cloud/moto.ts';

// What machines leave at a provider when the store forgets them, and `gc` finds.

const missing = motoMissing();
const world: { moto?: Moto } = {};

/** What there is, without the kinds of which there is nothing. */
async function present(motoUrl: string, region?: string): Promise<Rests> {
  return restsIn({ rests: async () => ({ ...(await restsOf(motoUrl, region)) }) });
}

interface Scene {
  readonly moto: Moto;
  readonly proxy: Ec2Proxy;
  readonly store: TestStore;
  /** A machine of EC2 whose engine was never set up. */
  readonly create: (name: string, ...args: readonly string[]) => Promise<void>;
  readonly gc: (...args: readonly string[]) => Promise<Outcome>;
}

function declare(title: string, body: (t: ExecutionContext, scene: Scene) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(240_000);
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    const { moto } = world;
    if (moto === undefined) {
      throw new Error('there is no moto');
    }
    await moto.reset();
    const proxy = await startEc2Proxy(moto.url);
    const store = await makeStore();
    const flags = [
      ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
      ...['--amazonec2-open-to', '198.18.0.0/15', '--amazonec2-retries', '0'],
    ];
    try {
      await body(t, {
        moto,
        proxy,
        store,
        create: async (name, ...args) => {
          await createUntilSsh(store, [...flags, ...args, name], env);
        },
        gc: async (...args) => store.tsmachine(['gc', ...args], { env }),
      });
    } finally {
      proxy.onRequest = () => undefined;
      await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
      await store.dispose();
      await proxy.close();
    }
  });
}

test.before(async (t) => {
  t.timeout(120_000);
  if (missing === undefined) {
    world.moto = await startMoto();
  }
});

test.after.always(async () => {
  await world.moto?.stop();
});

type Row = Readonly<Record<string, unknown>>;

function rowsOf({ stdout }: Outcome): readonly Row[] {
  return JSON.parse(stdout) as readonly Row[];
}

async function forget({ store }: Scene, name: string): Promise<void> {
  await rm(path.join(store.path, 'machines', name), { recursive: true });
}

declare(
  'what was forgotten is found in every region, shown, and removed; machines stay',
  async (t, scene) => {
    const { moto, store, create, gc } = scene;
    await create('stays');
    await create('lost');
    await create('abroad', '--amazonec2-region', 'eu-west-1');
    t.is((await gc('--dry-run')).stderr, 'Nothing is left over.\n');
    await forget(scene, 'lost');
    await forget(scene, 'abroad');

    const dry = await gc('--dry-run', '--json');
    t.is(dry.code, 0, dry.stderr);
    const shown = rowsOf(dry);
    t.deepEqual(
      shown
        .map(({ kind, name, place, reason }) => [kind, name, place, reason])
        .filter(([kind]) => kind !== 'disk'),
      [
        ['instance', 'lost', 'us-east-1', 'orphan'],
        ['instance', 'abroad', 'eu-west-1', 'orphan'],
        ['key', 'lost', 'us-east-1', 'orphan'],
        ['key', 'abroad', 'eu-west-1', 'orphan'],
        ['group', 'docker-machine', 'eu-west-1', 'unused'],
      ],
    );
    const table = await gc('--dry-run');
    t.regex(table.stdout, /^DRIVER +KIND +NAME +ID +PLACE +AGE +WHY\n/);
    t.deepEqual(rowsOf(await gc('--dry-run', '--json', '--older-than', '1h')), [], 'nothing is so old');
    const unasked = await gc();
    t.regex(unasked.stderr, /Nothing was removed/);
    t.is((await restsOf(moto.url)).instances.length, 2);

    const done = await gc('-y', '--json');
    t.is(done.code, 0, done.stderr);
    t.deepEqual(
      rowsOf(done),
      shown.map((row) => ({ ...row, removed: true })),
      'what was shown is what was removed',
    );
    t.deepEqual(await present(moto.url, 'eu-west-1'), {});
    const left = await restsOf(moto.url);
    t.deepEqual(left.keyPairs, ['stays']);
    t.is(left.instances.length, 1);
    t.deepEqual(left.securityGroups, ['docker-machine']);
    t.is((await gc('--dry-run')).stderr, 'Nothing is left over.\n');

    // A machine whose time is over goes with its record.
    const sidecar = path.join(store.path, 'machines', 'stays', 'tsmachine.json');
    const own = JSON.parse(await readFile(sidecar, 'utf8')) as Record<string, unknown>;
    await writeFile(sidecar, JSON.stringify({ ...own, expires: '2020-01-01T00:00:00Z' }));
    const { stdout } = await store.tsmachine(['ls', '-f', '{{.Error}}'], { env });
    t.is(stdout, 'its time is over: tsmachine gc\n');
    const over = await gc('-y', '--json');
    t.is(over.code, 0, over.stderr);
    t.deepEqual(
      rowsOf(over)
        .filter(({ kind }) => kind !== 'disk')
        .map(({ kind, name, reason, removed }) => [kind, name, reason, removed]),
      [
        ['machine', 'stays', 'expired', true],
        ['instance', 'stays', 'expired', true],
        ['key', 'stays', 'expired', true],
        ['group', 'docker-machine', 'unused', true],
      ],
    );
    t.deepEqual(await present(moto.url), {});
    t.is((await store.tsmachine(['ls', '-q'])).stdout, '');
  },
);

declare(
  'a machine that was forgotten by force, as nobody could ask for it, is found later',
  async (t, scene) => {
    const { moto, proxy, store, create, gc } = scene;
    await create('dev');
    const places = await readFile(path.join(store.path, '.places.json'), 'utf8');
    t.true(places.includes('us-east-1'));
    t.false(/test/.test(places), 'no credentials');
    // Made by a version that did not write it down.
    await rm(path.join(store.path, '.places.json'));
    proxy.onRequest = () => ({ kind: 'cut', when: 'before' });
    const forced = await store.tsmachine(['rm', '-f', 'dev'], { env });
    t.is(forced.code, 0, forced.stderr);
    const blind = await gc('-y');
    t.is(blind.code, 1);
    t.regex(blind.stderr, /What is left over in amazonec2 --amazonec2-region=us-east-1 .* is not known/);
    proxy.onRequest = () => undefined;
    t.is((await restsOf(moto.url)).instances.length, 1);
    const done = await gc('-y');
    t.is(done.code, 0, done.stderr);
    t.deepEqual(await present(moto.url), {});
  },
);

declare('of other stores nothing is touched, nor of a machine that is just being made', async (t, scene) => {
  const { moto, proxy, store, create, gc } = scene;
  await create('mine');
  const other = await makeStore();
  await createUntilSsh(
    other,
    [
      ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
      ...['--amazonec2-open-to', '198.18.0.0/15', 'theirs'],
    ],
    env,
  );
  await forget(scene, 'mine');
  const reached: { resolve?: () => void } = {};
  const atInstance = new Promise<void>((resolve) => {
    reached.resolve = resolve;
  });
  const goOn: { resolve?: () => void } = {};
  const held = new Promise<void>((resolve) => {
    goOn.resolve = resolve;
  });
  // The instance is there, and the create does not know it yet.
  proxy.onDone = async ({ action }) => {
    if (action === 'RunInstances') {
      reached.resolve?.();
      await held;
    }
  };
  const creating = create('young');
  await atInstance;
  const rows = rowsOf(await gc('-y', '--json'));
  t.deepEqual(
    [...new Set(rows.map(({ name }) => name))].filter((name) => !String(name).startsWith('vol')),
    ['mine'],
  );
  goOn.resolve?.();
  await creating;
  const left = await restsOf(moto.url);
  t.deepEqual([...left.keyPairs].sort(), ['theirs', 'young']);
  t.is(left.instances.length, 2);
  proxy.onDone = () => undefined;
  // The group is of the store that made it, and stays while somebody uses it.
  for (const each of [other, store]) {
    for (const name of ['young', 'theirs']) {
      await each.tsmachine(['rm', '-y', name], { env });
    }
  }
  t.deepEqual(await present(moto.url), {});
  await other.dispose();
});

declare(
  'a spot request that the store has lost is cancelled, one of another store stays',
  async (t, scene) => {
    const { moto, store, create, gc } = scene;
    await create('stays');
    const storeId = (await readFile(path.join(store.path, '.store-id'), 'utf8')).trim();
    const record = await readFile(path.join(store.path, 'machines', 'stays', 'config.json'), 'utf8');
    const image = /"AMI": "(ami-[0-9a-z]+)"/.exec(record)?.[1] ?? '';
    const request = async (owner: string): Promise<string> => {
      const tags = machineTags({ machineId: randomUUID(), storeId: owner }, 'lost', Date.now());
      return makeSpotRequest(moto.url, { image, tags });
    };
    const lost = await request(storeId);
    const theirs = await request(randomUUID());
    const done = await gc('-y', '--json');
    t.is(done.code, 0, done.stderr);
    t.deepEqual(
      rowsOf(done).map(({ kind, id, name, reason, removed }) => [kind, id, name, reason, removed]),
      [['spot-request', lost, 'lost', 'orphan', true]],
    );
    t.deepEqual((await restsOf(moto.url)).spotRequests, [theirs]);
    t.is((await gc('--dry-run')).stderr, 'Nothing is left over.\n');
  },
);

declare('what is adopted while gc looks around stays', async (t, scene) => {
  const { moto, proxy, store, create, gc } = scene;
  await create('dev');
  const key = path.join(path.dirname(store.path), 'key');
  await copyFile(path.join(store.path, 'machines', 'dev', 'id_rsa'), key);
  await forget(scene, 'dev');
  const [instance = ''] = (await restsOf(moto.url)).instances;
  const adopted: { done?: Promise<unknown> } = {};
  // gc has listed what there is, and reads the records next.
  proxy.onDone = async ({ action }) => {
    if (action === 'DescribeSecurityGroups' && adopted.done === undefined) {
      adopted.done = adoptUntilSsh(store, [instance, '--ssh-key', key], env);
      await adopted.done;
    }
  };
  t.is((await gc('-y')).stderr, 'Nothing is left over.\n');
  proxy.onDone = () => undefined;
  t.deepEqual((await restsOf(moto.url)).instances, [instance]);
  t.is((await store.tsmachine(['rm', '-y', 'dev'], { env })).code, 0);
  t.deepEqual(await present(moto.url), {});
});

declare(
  'flags name a place that nobody remembers; a failure leaves the rest to be done',
  async (t, scene) => {
    const { moto, proxy, store, create, gc } = scene;
    await create('a');
    await create('b');
    await forget(scene, 'a');
    await forget(scene, 'b');
    await rm(path.join(store.path, '.places.json'));
    t.deepEqual(rowsOf(await gc('--dry-run', '--json')), []);
    const there = [
      ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
    ];
    const [stuck = ''] = (await restsOf(moto.url)).instances;
    proxy.onRequest = ({ action, parameters }) =>
      action === 'TerminateInstances' && parameters.get('InstanceId.1') === stuck
        ? ec2Error(400, 'OperationNotPermitted')
        : undefined;
    const first = await gc('-y', '--json', ...there);
    t.is(first.code, 1);
    t.regex(first.stderr, /Not removed: instance|"code"/);
    t.deepEqual((await restsOf(moto.url)).instances, [stuck]);
    t.deepEqual(
      rowsOf(first)
        .filter(({ removed }) => removed !== true)
        .map(({ id }) => id),
      [stuck],
    );
    proxy.onRequest = () => undefined;
    t.is((await gc('-y', ...there)).code, 0);
    t.deepEqual(await present(moto.url), {});
    t.is((await gc('-d', 'none')).code, 1);
    t.is((await gc('--older-than', 'soon')).code, 2);
  },
);
