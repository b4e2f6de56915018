import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { ownedKinds } from '../../../src/drivers/owned.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { makeHetznerMachine, type HetznerMachineOptions } from '../../fakes/hetzner-machine.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import {
  createIn as create,
  declareFaults,
  sceneDeclarer,
  tryCreate,
  type CloudScene,
} from '../../support/loopback-cloud/fault-suite.ts';
import {
  hetznerDescriptionMissing,
  isServerCreate,
  isServerRemoval,
  startHetznerCloud,
  type HetznerCloud,
} from '../../support/loopback-cloud/hetzner-cloud.ts';
import { hetznerError } from '../../support/loopback-cloud/hetzner-things.ts';

// What goes wrong between here and Hetzner. The stand-in says in the end that nothing is left, and every request was as
// Hetzner describes it.

interface Scene extends CloudScene {
  readonly cloud: HetznerCloud;
  readonly make: (options?: Partial<HetznerMachineOptions>) => CloudMachine;
}

test('requests and answers are checked against the description of the API', (t) => {
  if (hetznerDescriptionMissing !== undefined) {
    t.log(`skipped: ${hetznerDescriptionMissing}`);
  }
  t.pass();
});

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startHetznerCloud();
  try {
    await use({
      cloud,
      server: cloud,
      make: (options = {}) => makeHetznerMachine({ endpoint: cloud.baseUrl, ...options }),
      rests: async () => {
        if (cloud.problems.length > 0) {
          throw new Error(cloud.problems.join('\n'));
        }
        return cloud.rests();
      },
    });
  } finally {
    await cloud.close();
  }
});

declareFaults<CloudRequest, Scene>(declare, {
  isCreate: isServerCreate,
  isRemoval: isServerRemoval,
  error: (status, headers) =>
    hetznerError(status, status === 401 ? 'unauthorized' : 'service_error', { ...headers }),
  busy: [
    () => hetznerError(429, 'rate_limit_exceeded', { 'retry-after': '11' }),
    () => hetznerError(503, 'unavailable'),
  ],
  instances: 'servers',
  callsMin: 11,
});

function bodyOf(cloud: HetznerCloud, path: string): Readonly<Record<string, unknown>> {
  const request = cloud.requests.find((each) => each.method === 'POST' && each.path === `/v1${path}`);
  return JSON.parse(request?.body ?? '{}') as Readonly<Record<string, unknown>>;
}

declare('the request that makes a server has everything in it', async (t, { make, cloud }) => {
  const machine = make({
    values: {
      'hetzner-server-label': ['team=blue', 'example.org/empty='],
      'hetzner-key-label': ['team=green'],
      'hetzner-networks': ['lan'],
      'hetzner-volumes': ['33'],
      'hetzner-primary-ipv4': '203.0.113.99',
      'hetzner-server-location': 'nbg1',
      'hetzner-server-type': 'cpx11',
      'hetzner-image': 'debian-12',
      'hetzner-disable-public-ipv6': true,
      'hetzner-auto-spread': true,
      'hetzner-open-port': ['8080/udp'],
    },
  });
  await create(machine);
  const { machineId = '', storeId = '' } = (await machine.context.provider?.ownership()) ?? {};
  const { labels, user_data: userData, ...body } = bodyOf(cloud, '/servers');
  const own = {
    tsmachine: '1',
    'tsmachine-id': machineId,
    'tsmachine-owner': storeId,
    'tsmachine-name': 'dev',
  };
  const { 'tsmachine-created': created = '', ...others } = labels as Record<string, string>;
  t.deepEqual(others, { team: 'blue', 'example.org/empty': '', ...own });
  t.regex(created, /^\d{4}-\d\d-\d\dT\d\d_\d\d_\d\d\.\d{3}Z$/);
  t.regex(String(userData), /^#cloud-config\n/m);
  t.deepEqual(body, {
    name: 'dev',
    server_type: 'cpx11',
    image: '114690387',
    location: 'nbg1',
    ssh_keys: ['dev'],
    firewalls: [{ firewall: machine.state()['firewall'] ?? [...cloud.project.firewalls.keys()].at(-1) }],
    networks: [4711],
    volumes: [33],
    placement_group: machine.state()['groupId'],
    public_net: { enable_ipv4: true, enable_ipv6: false, ipv4: 99 },
  });
  const key = bodyOf(cloud, '/ssh_keys')['labels'] as Record<string, string>;
  t.like(key, { team: 'green', 'tsmachine-id': machineId });
  const source_ips = ['198.18.0.0/15'];
  t.deepEqual(bodyOf(cloud, '/firewalls')['rules'], [
    { direction: 'in', protocol: 'tcp', port: '22', source_ips },
    { direction: 'in', protocol: 'tcp', port: '2376', source_ips },
    { direction: 'in', protocol: 'udp', port: '8080', source_ips },
  ]);
  t.like(bodyOf(cloud, '/placement_groups'), { name: 'Docker-Machine auto spread', type: 'spread' });
  t.is(machine.record()['IPAddress'], '203.0.113.99');
  await machine.cleanup();
});

declare('a type of arm gets an image of arm', async (t, { make, cloud }) => {
  const machine = make({ values: { 'hetzner-server-type': 'cax11' } });
  await create(machine);
  t.is(bodyOf(cloud, '/servers')['image'], '161547270');
  await machine.cleanup();
});

declare('a server that nobody knows at first, and that takes long', async (t, { make, cloud }) => {
  const machine = make();
  Object.assign(cloud.project, { unknownAnswers: 6, actionRequests: 12, heldRequests: 6 });
  await create(machine);
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declare('a server that is never made ends with a time-out', async (t, { make, cloud }) => {
  const machine = make();
  cloud.project.actionRequests = Infinity;
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  cloud.project.actionRequests = 1;
  await machine.cleanup();
});

declare(
  'an action that fails is an error with its reason, and rm leaves nothing',
  async (t, { make, cloud }) => {
    const machine = make({ values: { 'hetzner-wait-on-error': 7 } });
    cloud.project.createError = 'placement_error';
    const error = await tryCreate(t, machine);
    t.true(isMachineError(error) && error.facts['cloudCode'] === 'placement_error', String(error));
    t.is(machine.host.clock.sleeps.at(-1), 7_000);
    cloud.project.createError = undefined;
    await machine.cleanup();
  },
);

declare('a guest that does not shut down loses its power', async (t, { make, cloud }) => {
  const machine = make();
  await create(machine);
  cloud.project.shutdownRequests = Infinity;
  await machine.driver.stop(machine.context);
  t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
  const verbs = cloud.requests.flatMap(({ method, path }) =>
    method === 'POST' ? path.split('/').slice(5) : [],
  );
  t.deepEqual(verbs, ['shutdown', 'poweroff']);
  await machine.driver.start(machine.context);
  await machine.driver.restart?.(machine.context);
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declare('a limit of the project is no matter of credentials', async (t, { make, cloud }) => {
  const machine = make();
  cloud.onRequest = (request) =>
    isServerCreate(request) ? hetznerError(403, 'resource_limit_exceeded') : undefined;
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'cloud-refused', String(error));
  cloud.onRequest = () => undefined;
  await machine.cleanup();
});

declare("somebody else's key and server of the name are not taken and not removed", async (t, scene) => {
  const theirs = scene.make();
  await create(theirs);
  const mine = scene.make();
  const findings = await mine.driver.check(mine.context);
  t.deepEqual(
    findings.map(({ code }) => code),
    ['key-exists', 'server-exists'],
  );
  const error = await tryCreate(t, mine);
  t.true(isMachineError(error) && error.code === 'cloud-conflict', String(error));
  await mine.cleanup();
  t.like(await scene.rests(), { servers: ['dev'], keys: ['dev'] });
  await theirs.cleanup();
});

declare('only the server has the name of another: a conflict, and theirs stays', async (t, scene) => {
  const theirs = scene.make({ values: { 'hetzner-server-label': ['a=b'] } });
  await create(theirs);
  scene.cloud.project.keys.clear();
  const mine = scene.make();
  const error = await tryCreate(t, mine);
  t.true(isMachineError(error) && error.code === 'cloud-conflict', String(error));
  await mine.cleanup();
  t.deepEqual((await scene.rests())['servers'], ['dev']);
  await theirs.cleanup();
});

declare('a key that the project has already is used and left', async (t, { make, cloud, rests }) => {
  const additional =
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEmKZ8vUyJ2gN5b0Y1pGQ9m3hK8c1c7D2rXo0wq1aBcD ann@home';
  const first = make({ name: 'one', values: { 'hetzner-additional-key': [additional] } });
  await create(first);
  t.deepEqual((await rests())['keys'], ['one', 'one-additional-0']);
  const second = make({ name: 'two', values: { 'hetzner-additional-key': [additional] } });
  await create(second);
  t.deepEqual((await rests())['keys'], ['one', 'one-additional-0', 'two']);
  const requests = cloud.requests.filter(isServerCreate);
  t.deepEqual((JSON.parse(requests[1]?.body ?? '') as { ssh_keys: unknown }).ssh_keys, [
    'two',
    'one-additional-0',
  ]);
  await second.cleanup();
  t.deepEqual((await rests())['keys'], ['one', 'one-additional-0']);
  await first.cleanup();
});

declare(
  'a key of the user in the project, by id; another key under the id is refused',
  async (t, { make, cloud }) => {
    const [one, other] = [make({ name: 'one' }), make({ name: 'other' })];
    const line = (await one.context.provider?.userKey()) ?? '';
    await create(one);
    const [keyId = 0] = [...cloud.project.keys.keys()];
    const values = { 'hetzner-existing-key-id': String(keyId), 'hetzner-existing-key-path': '/home/ann/key' };
    for (const [publicLine, isRight] of [
      [line, true],
      [(await other.context.provider?.userKey()) ?? '', false],
    ] as const) {
      const machine = make({ name: 'two', values });
      machine.host.files.put('/home/ann/key', 'private');
      machine.host.files.put('/home/ann/key.pub', publicLine);
      const findings = await machine.driver.check(machine.context);
      t.deepEqual(
        findings.map(({ code }) => code),
        isRight ? [] : ['flag-invalid'],
      );
      t.is((await tryCreate(t, machine)) === undefined, isRight);
      await machine.cleanup();
      t.true(cloud.project.keys.has(keyId), 'the key stays');
    }
    await one.cleanup();
  },
);

declare('two machines of a store share a firewall, which goes with the last', async (t, { make, rests }) => {
  const storeId = '00000000-0000-4000-8000-000000000001';
  const values = { 'hetzner-auto-spread': true };
  const [one, two] = [make({ name: 'one', storeId, values }), make({ name: 'two', storeId, values })];
  await Promise.all([create(one), create(two)]);
  t.is((await rests())['firewalls']?.length, 1);
  t.is((await rests())['placementGroups']?.length, 1);
  await one.cleanup();
  t.is((await rests())['firewalls']?.length, 1);
  t.is((await rests())['placementGroups']?.length, 1);
  await two.cleanup();
});

declare('a firewall that the last machine takes along is made again', async (t, { make, cloud }) => {
  const machine = make();
  let taken = 0;
  cloud.onRequest = (request) => {
    if (isServerCreate(request) && taken === 0) {
      taken = [...cloud.project.firewalls.keys()].at(-1) ?? 0;
      cloud.project.firewalls.delete(taken);
    }
    return undefined;
  };
  await create(machine);
  t.true(taken > 0);
  t.is(cloud.project.servers.size, 1);
  await machine.cleanup();
});

declare("the user's own firewall, network and address are used and left", async (t, { make, cloud }) => {
  const machine = make({
    values: {
      'hetzner-firewalls': ['mine'],
      'hetzner-networks': ['lan'],
      'hetzner-use-private-network': true,
    },
  });
  await create(machine);
  t.deepEqual(bodyOf(cloud, '/servers')['firewalls'], [{ firewall: 38 }]);
  t.regex(String(machine.record()['IPAddress']), /^10\.0\.1\.\d+$/);
  t.deepEqual(bodyOf(cloud, '/firewalls'), {});
  await machine.cleanup();
  t.true(cloud.project.firewalls.has(38));
});

declare(
  'without a public address there is no firewall; with one and a private network nothing is open',
  async (t, { make, cloud }) => {
    const values = { 'hetzner-networks': ['4711'], 'hetzner-open-to': [] };
    const hidden = make({ name: 'hidden', values: { ...values, 'hetzner-disable-public': true } });
    await create(hidden);
    t.is(bodyOf(cloud, '/servers')['firewalls'], undefined);
    await hidden.cleanup();
    const closed = make({ name: 'closed', values: { ...values, 'hetzner-use-private-network': true } });
    await create(closed);
    t.deepEqual(bodyOf(cloud, '/firewalls')['rules'], []);
    await closed.cleanup();
  },
);

declare('an IPv6 address alone', async (t, { make }) => {
  const machine = make({ values: { 'hetzner-disable-public-ipv4': true } });
  await create(machine);
  const { engineUrl } = await machine.driver.inspect(machine.context);
  t.regex(engineUrl ?? '', /^tcp:\/\/\[2001:db8:\d+::1\]:2376$/);
  await machine.cleanup();
});

declare('a server that is removed behind our back is absent, and rm succeeds', async (t, { make, cloud }) => {
  const machine = make();
  await create(machine);
  cloud.project.servers.clear();
  t.is((await machine.driver.inspect(machine.context)).power, 'absent');
  await machine.cleanup();
});

declare(
  'a token of another project does not make the server forgotten; another one of the same does not matter',
  async (t, { make }) => {
    const machine = make();
    await create(machine);
    const { env } = machine.host.facts as { env: Record<string, string> };
    env['HETZNER_API_TOKEN'] = 'elsewhere';
    const error = await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
    t.regex(error.message, /made with another token/);
    env['HETZNER_API_TOKEN'] = 'rotated';
    await machine.cleanup();
  },
);

declare(
  'what a record of docker-machine knows is removed, and the spread group with it',
  async (t, { make, cloud }) => {
    const made = make({ values: { 'hetzner-auto-spread': true } });
    await create(made);
    // As docker-machine-driver-hetzner leaves things: no labels of ours.
    for (const thing of [cloud.project.servers, cloud.project.keys, cloud.project.groups].flatMap(
      (things) => [...things.values()],
    )) {
      thing.labels = Object.fromEntries(
        Object.entries(thing.labels).filter(([key]) => !key.startsWith('tsmachine')),
      );
    }
    const [firewallId = 0] = [...cloud.project.firewalls.keys()].slice(-1);
    const theirs = make({ values: {} });
    await theirs.context.save({
      ServerID: made.record()['ServerID'],
      KeyID: made.record()['KeyID'],
      IsExistingKey: false,
    });
    await theirs.cleanup();
    t.is(cloud.project.servers.size + cloud.project.keys.size + cloud.project.groups.size, 0);
    cloud.project.firewalls.delete(firewallId);
  },
);

declare('everything is found and removed when the store has lost it', async (t, { make, rests }) => {
  const storeId = '00000000-0000-4000-8000-000000000002';
  const values = { 'hetzner-auto-spread': true };
  const [one, two] = [make({ name: 'one', storeId, values }), make({ name: 'two', storeId, values })];
  const other = make({ name: 'other' });
  await Promise.all([create(one), create(two), create(other)]);
  const { driver, context } = make({ storeId });
  const owned = (await driver.listOwned?.(context, storeId)) ?? [];
  t.deepEqual(
    owned.map(({ kind }) => kind),
    ['instance', 'instance', 'firewall', 'placement-group', 'key', 'key'],
  );
  const { machineId } = (await one.context.provider?.ownership()) ?? {};
  const [first] = owned.filter(({ kind, machineId: of }) => kind === 'instance' && of === machineId);
  t.like(first, { name: 'one', place: 'fsn1' });
  t.is(typeof first?.createdMs, 'number');
  for (const kind of ownedKinds) {
    for (const resource of owned.filter((each) => each.kind === kind)) {
      await driver.removeOwned?.(context, resource);
      await driver.removeOwned?.(context, resource);
    }
  }
  t.deepEqual(await driver.listOwned?.(context, storeId), []);
  t.deepEqual((await rests())['servers'], ['other']);
  await other.cleanup();
});

declare('many machines are asked for at once', async (t, { make, cloud }) => {
  const storeId = '00000000-0000-4000-8000-000000000003';
  const machines = [1, 2, 3].map((n) => make({ name: `m${n}`, storeId }));
  await Promise.all(machines.map(create));
  const [one, two, three] = machines;
  await two?.driver.kill(two.context);
  cloud.project.servers.delete(Number(three?.record()['ServerID']));
  const before = cloud.requests.length;
  const contexts = [...machines, make()].map(({ context }) => context);
  const statuses = (await one?.driver.inspectMany?.(contexts)) ?? [];
  t.deepEqual(
    statuses.map(({ power }) => power),
    ['running', 'stopped', 'absent', 'absent'],
  );
  t.is(cloud.requests.length - before, 2, 'one list, and one look for the machine that is not in it');
  for (const machine of machines) {
    await machine.cleanup();
  }
});
