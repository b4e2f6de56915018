import type { ExecutionContext } from 'ava';
import { field, textField } from '../../../src/cloud/json-fields.ts';
import { isMachineError } from '../../../src/core/errors.ts';
import type { CheckContext } from '../../../src/drivers/driver.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeGoogleMachine, type GoogleMachineOptions } from '../../fakes/google-machine.ts';
import {
  createIn as create,
  sceneDeclarer,
  tryCreate,
  type CloudScene,
} from '../../support/loopback-cloud/fault-suite.ts';
import { staticAddress } from '../../support/loopback-cloud/google-account.ts';
import {
  googleDescriptionMissing,
  startGoogleCloud,
  type GoogleCloud,
} from '../../support/loopback-cloud/google-cloud.ts';

// What is particular to Google: operations, firewall rules that machines share, addresses that change, disks that stay.

interface Scene extends CloudScene {
  readonly cloud: GoogleCloud;
  readonly make: (options?: Partial<GoogleMachineOptions>) => CloudMachine;
}

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startGoogleCloud();
  const theirs = JSON.stringify([...cloud.account.firewalls]);
  try {
    await use({
      cloud,
      server: cloud.server,
      make: (options = {}) => makeGoogleMachine({ endpoint: cloud.server.url, key: cloud.key, ...options }),
      rests: async () => ({
        ...(await cloud.rests()),
        problems: [...new Set(cloud.problems)],
        changed: JSON.stringify([...cloud.account.firewalls]).includes(theirs.slice(1, -1))
          ? []
          : ['their rule'],
      }),
    });
  } finally {
    await cloud.close();
  }
});

const storeId = '00000000-0000-4000-8000-000000000001';

/** Bodies of the requests that make something of a kind. */
function inserts({ server }: Scene, kind: string): readonly Readonly<Record<string, unknown>>[] {
  return server.requests
    .filter(({ method, path }) => method === 'POST' && path.endsWith(`/${kind}`))
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>);
}

function metadataOf(instance: unknown): Readonly<Record<string, string>> {
  const items = field(instance, 'metadata', 'items') as readonly unknown[];
  return Object.fromEntries(
    items.map((item) => [textField(item, 'key') ?? '', textField(item, 'value') ?? '']),
  );
}

async function addressOf(t: ExecutionContext, { driver, context }: CloudMachine): Promise<string> {
  const { power, address = '' } = await driver.inspect(context);
  t.is(power, 'running');
  t.is(address, (context.config as { readonly ipAddress: string }).ipAddress);
  return address;
}

declare('the request that makes an instance has everything in it', async (t, scene) => {
  t.log(googleDescriptionMissing ?? "requests and answers are checked by Google's description");
  const machine = scene.make({ values: { 'google-vm-labels': 'team,blue', 'google-tags': 'web, db' } });
  await create(machine);
  const [body] = inserts(scene, 'instances');
  const [rule] = inserts(scene, 'firewalls');
  const own = await machine.context.provider?.ownership();
  const labels = field(body, 'labels') as Readonly<Record<string, string>>;
  t.is(labels['tsmachine-id'], own?.machineId);
  t.is(labels['tsmachine-owner'], own?.storeId);
  t.is(labels['team'], 'blue');
  t.regex(labels['tsmachine-created'] ?? '', /^\d{8}t\d{6}z$/);
  t.deepEqual(field(body, 'tags', 'items'), ['web', 'db', rule?.['name']]);
  t.deepEqual(rule?.['targetTags'], [rule?.['name']]);
  t.deepEqual(rule?.['sourceRanges'], ['198.18.0.0/15']);
  t.deepEqual(rule?.['allowed'], [{ IPProtocol: 'tcp', ports: ['22', '2376'] }]);
  const metadata = metadataOf(body);
  t.regex(metadata['ssh-keys'] ?? '', /^docker-user:ssh-ed25519 /);
  t.regex(metadata['user-data'] ?? '', /ed25519_private/);
  t.is(metadata['enable-oslogin'], 'FALSE');
  const [disk] = field(body, 'disks') as readonly unknown[];
  t.is(textField(disk, 'initializeParams', 'diskName'), 'dev-disk');
  t.is(textField(disk, 'initializeParams', 'diskSizeGb'), '12');
  t.regex(textField(disk, 'initializeParams', 'sourceImage') ?? '', /amd64/);
  t.is(field(disk, 'autoDelete'), true);
  t.true(machine.events.every((event) => !JSON.stringify(event).includes('PRIVATE KEY')));
  await machine.cleanup();
});

declare(
  'a machine type of ARM gets an image of ARM; an image of the other kind is refused',
  async (t, scene) => {
    const values = { 'google-machine-type': 't2a-standard-1' };
    const machine = scene.make({ values });
    await create(machine);
    t.regex(JSON.stringify(inserts(scene, 'instances')), /ubuntu-2404-noble-arm64/);
    await machine.cleanup();
    const image = 'ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64';
    const wrong = scene.make({ values: { ...values, 'google-machine-image': image } });
    const findings = await wrong.driver.check(wrong.context);
    t.regex(findings.map(({ message }) => message).join(), /is of X86_64/);
  },
);

declare('what is wrong is said before anything is made', async (t, scene) => {
  const { account } = scene.cloud;
  const says = async (options: Partial<GoogleMachineOptions>): Promise<string> => {
    const machine = scene.make(options);
    const found = await machine.driver.check(machine.context);
    return found.map(({ code, message }) => `${code} ${message}`).join();
  };
  t.is(await says({}), '');
  t.regex(await says({ values: { 'google-machine-type': 'e9-huge' } }), /no machine type e9-huge/);
  t.regex(await says({ values: { 'google-network': 'none' } }), /no network/);
  t.regex(await says({ values: { 'google-subnetwork': 'none' } }), /no subnetwork/);
  t.regex(await says({ values: { 'google-address': 'none' } }), /no static address/);
  t.regex(
    await says({ values: { 'google-machine-image': 'none' } }),
    /no image hotel-1\/global\/images\/none/,
  );
  t.regex(await says({ values: { 'google-project': 'other' } }), /^project-missing/);
  t.regex(await says({ values: { 'google-use-existing': true } }), /^instance-missing unable to find/);
  t.regex(await says({ values: { 'google-userdata': '/no/file' } }), /^user-data-missing/);
  t.regex(await says({ name: 'Dev_1' }), /^name-invalid/);
  t.regex(await says({ name: 'd'.repeat(59) }), /^name-invalid/);
  t.regex(await says({ key: '{"type":"service_account"}' }), /^credentials-missing/);
  account.quotas = [{ metric: 'CPUS', limit: 24, usage: 23 }];
  t.regex(await says({}), /^quota-exceeded .*23 of 24/);
  t.is(scene.server.requests.filter(({ method, path }) => method !== 'GET' && path !== '/token').length, 0);
});

declare('an instance that nobody knows at first, and operations that take long', async (t, scene) => {
  const machine = scene.make();
  Object.assign(scene.cloud.account, { unknownAnswers: 2, operationRequests: 12 });
  await create(machine);
  await addressOf(t, machine);
  await machine.cleanup();
});

declare('an operation that never ends is a time-out, and rm waits for it', async (t, scene) => {
  const { account } = scene.cloud;
  const machine = scene.make();
  scene.server.onRequest = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/instances')) {
      account.operationRequests = Infinity;
    }
    return undefined;
  };
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  scene.server.onRequest = () => undefined;
  account.operationRequests = 2;
  await machine.cleanup();
});

declare(
  'a zone without machines is told with a way out, and the next attempt is another one',
  async (t, scene) => {
    const machine = scene.make();
    const message = 'The zone does not have enough resources available.';
    scene.cloud.account.failInsert = { code: 'ZONE_RESOURCE_POOL_EXHAUSTED', message };
    const error = await tryCreate(t, machine);
    t.true(isMachineError(error) && error.code === 'cloud-refused', String(error));
    t.regex(isMachineError(error) ? error.remedies.join() : '', /--google-zone/);
    await create(machine);
    await machine.cleanup();
  },
);

declare("somebody else's instance of the name is not taken and not removed", async (t, scene) => {
  const theirs = scene.make();
  await create(theirs);
  const mine = scene.make();
  const findings = await mine.driver.check(mine.context);
  t.true(findings.some(({ code }) => code === 'instance-exists'));
  const error = await tryCreate(t, mine);
  t.true(isMachineError(error) && error.code === 'cloud-conflict', String(error));
  await mine.cleanup();
  t.is((await scene.rests())['instances']?.length, 1);
  await theirs.cleanup();
});

declare(
  'two machines of a store share a rule, which goes with the last; others have their own',
  async (t, scene) => {
    const [one, two] = [scene.make({ name: 'one', storeId }), scene.make({ name: 'two', storeId })];
    const other = scene.make({ name: 'three', storeId, values: { 'google-open-port': ['8080', '53/udp'] } });
    await Promise.all([create(one), create(two), create(other)]);
    const rules = async (): Promise<number | undefined> => (await scene.rests())['firewalls']?.length;
    t.is(await rules(), 2);
    await one.cleanup();
    await other.cleanup();
    t.is(await rules(), 1);
    t.is((await scene.rests())['instances']?.length, 1);
    await two.cleanup();
  },
);

declare('a rule that went away while the instance was made is made again', async (t, scene) => {
  const machine = scene.make();
  scene.server.onDone = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/instances')) {
      const { firewalls } = scene.cloud.account;
      [...firewalls.keys()]
        .filter((name) => name.includes('/tsmachine-'))
        .map((name) => firewalls.delete(name));
    }
  };
  await create(machine);
  t.is((await scene.rests())['firewalls']?.length, 1);
  await machine.cleanup();
});

declare('the address changes with each start, but not a static one', async (t, scene) => {
  const machine = scene.make();
  const { driver, context } = machine;
  await create(machine);
  const first = await addressOf(t, machine);
  await driver.stop(context);
  await driver.stop(context);
  t.is((await driver.inspect(context)).power, 'stopped');
  await driver.start(context);
  t.not(await addressOf(t, machine), first);
  t.is(driver.recall?.(context.config)?.address, await addressOf(t, machine));
  await machine.cleanup();
  for (const address of ['front-door', staticAddress]) {
    const fixed = scene.make({ values: { 'google-address': address } });
    await create(fixed);
    await fixed.driver.stop(fixed.context);
    await fixed.driver.start(fixed.context);
    t.is(await addressOf(t, fixed), staticAddress);
    await fixed.cleanup();
  }
});

declare('an instance without an external address, in a network made by hand', async (t, scene) => {
  const values = {
    'google-use-internal-ip-only': true,
    'google-network': 'manual',
    'google-open-to': [],
    'google-internal-firewall-rule-prefix': 'crew',
  };
  const machine = scene.make({ values });
  await create(machine);
  const [nic] = field(inserts(scene, 'instances')[0], 'networkInterfaces') as readonly unknown[];
  t.is(field(nic, 'accessConfigs'), undefined);
  t.regex(textField(nic, 'subnetwork') ?? '', /\/subnetworks\/rooms$/);
  const [open, crew] = inserts(scene, 'firewalls');
  t.deepEqual(open?.['sourceRanges'], ['10.20.0.0/20']);
  t.regex(String(crew?.['name']), /^crew-.*-internal$/);
  t.deepEqual(crew?.['sourceTags'], crew?.['targetTags']);
  t.regex(await addressOf(t, machine), /^10\./);
  await machine.cleanup();
});

declare(
  'an instance that is gone is absent; where its disk is left, start makes one again',
  async (t, scene) => {
    const { account } = scene.cloud;
    const machine = scene.make();
    const { driver, context } = machine;
    await create(machine);
    account.instances.clear();
    t.is((await driver.inspect(context)).power, 'stopped');
    await driver.start(context);
    await addressOf(t, machine);
    t.regex(JSON.stringify(inserts(scene, 'instances')[1]?.['disks']), /"source":"[^"]*\/disks\/dev-disk"/);
    account.instances.clear();
    account.disks.clear();
    t.is((await driver.inspect(context)).power, 'absent');
    await t.throwsAsync(driver.start(context), { code: 'vm-start-failed' });
    await machine.cleanup();
  },
);

declare('a machine of docker-machine, without any marks, is removed by its names', async (t, scene) => {
  const machine = scene.make();
  await create(machine);
  for (const thing of [...scene.cloud.account.instances.values(), ...scene.cloud.account.disks.values()]) {
    thing.labels = {};
  }
  // Kept by Google when the instance is deleted, as docker-machine asks for it.
  for (const instance of scene.cloud.account.instances.values()) {
    Object.assign((instance['disks'] as object[])[0] ?? {}, { autoDelete: false });
  }
  await machine.context.provider?.saveState({ origin: '', instanceId: '', requestId: '' });
  await machine.driver.stop(machine.context);
  await machine.driver.start(machine.context);
  await machine.cleanup();
});

declare('an instance that is there already is used, and stays', async (t, scene) => {
  const theirs = scene.make({ name: 'old' });
  await create(theirs);
  const [instance] = scene.cloud.account.instances.values();
  if (instance === undefined) {
    t.fail();
    return;
  }
  instance.labels = { theirs: 'yes' };
  const before = metadataOf(instance);
  const mine = scene.make({ name: 'old', values: { 'google-use-existing': true } });
  t.deepEqual(await mine.driver.check(mine.context), []);
  await create(mine);
  await create(mine);
  const keys = metadataOf(instance)['ssh-keys']?.split('\n') ?? [];
  t.is(keys.length, 2);
  t.is(keys[0], before['ssh-keys']);
  t.is((field(instance, 'tags', 'items') as readonly string[]).length, 2);
  await mine.cleanup();
  t.deepEqual(metadataOf(instance), before);
  t.is((field(instance, 'tags', 'items') as readonly string[]).length, 1);
  t.is((await scene.rests())['instances']?.length, 1);
  await theirs.context.provider?.saveState({ origin: '' });
  await theirs.cleanup();
});

declare('tokens that end are renewed', async (t, scene) => {
  const machine = scene.make();
  scene.server.onDone = ({ index }) => {
    if (index % 5 === 0) {
      scene.cloud.revoke();
    }
  };
  await create(machine);
  t.true(scene.server.requests.filter(({ path }) => path === '/token').length > 1);
  await machine.cleanup();
});

declare('what a store has is found and removed without its records', async (t, scene) => {
  const other = scene.make({ name: 'other' });
  await create(other);
  const lost = scene.make({ storeId });
  await create(lost);
  const { driver, context } = scene.make();
  const place: CheckContext<unknown> = { ...context };
  const found = (await driver.listOwned?.(place, storeId)) ?? [];
  const own = await lost.context.provider?.ownership();
  t.deepEqual(
    found.map(({ kind, machineId }) => [kind, machineId]),
    [
      ['instance', own?.machineId],
      ['disk', own?.machineId],
      ['firewall', undefined],
    ],
  );
  t.true(found.every(({ createdMs }) => createdMs !== undefined));
  const [, , rule] = found;
  if (rule !== undefined) {
    await driver.removeOwned?.(place, rule);
    t.is((await scene.rests())['firewalls']?.length, 2, 'a rule in use stays');
  }
  for (const resource of found) {
    await driver.removeOwned?.(place, resource);
    await driver.removeOwned?.(place, resource);
  }
  t.deepEqual(await driver.listOwned?.(place, storeId), []);
  t.is((await scene.rests())['instances']?.length, 1);
  await other.cleanup();
});

declare('many machines are asked for in one request', async (t, scene) => {
  const machines = ['one', 'two', 'three'].map((name) => scene.make({ name, storeId }));
  for (const machine of machines) {
    await create(machine);
  }
  await machines[1]?.driver.stop(machines[1].context);
  const asked = scene.server.requests.filter(({ path }) => path !== '/token').length;
  const statuses = await machines[0]?.driver.inspectMany?.(machines.map(({ context }) => context));
  t.deepEqual(
    statuses?.map(({ power }) => power),
    ['running', 'stopped', 'running'],
  );
  t.is(scene.server.requests.filter(({ path }) => path !== '/token').length, asked + 1);
  for (const machine of machines) {
    await machine.cleanup();
  }
});
