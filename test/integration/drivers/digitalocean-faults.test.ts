import { createHash } from 'node:crypto';
import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { OwnedResource } from '../../../src/drivers/owned.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import {
  makeDigitalOceanMachine,
  type DigitalOceanMachineOptions,
} from '../../fakes/digitalocean-machine.ts';
import {
  digitalOceanError,
  startDigitalOcean,
  uncheckedWhy,
  type DigitalOceanCloud,
} from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { defaultVpc, keyJson } from '../../support/loopback-cloud/digitalocean-account.ts';
import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import {
  createIn,
  declareFaults,
  restsIn,
  sceneDeclarer,
  tryCreate,
  type CloudScene,
} from '../../support/loopback-cloud/fault-suite.ts';

// What goes wrong between here and DigitalOcean. The stand-in says in the end that nothing is left, and that every request
// was of the form that DigitalOcean describes.

interface Scene extends CloudScene {
  readonly cloud: DigitalOceanCloud;
  readonly make: (options?: Partial<DigitalOceanMachineOptions>) => CloudMachine;
}

const declare = sceneDeclarer<Scene>(async (use) => {
  const cloud = await startDigitalOcean();
  try {
    await use({
      cloud,
      server: cloud,
      make: (options = {}) => makeDigitalOceanMachine({ url: cloud.url, ...options }),
      rests: async () => {
        if (cloud.findings.length > 0) {
          throw new Error(cloud.findings.join('\n'));
        }
        return cloud.rests();
      },
    });
  } finally {
    await cloud.close();
  }
});

test('requests are checked by the description of DigitalOcean', (t) => {
  if (uncheckedWhy !== undefined) {
    t.log(`skipped: ${uncheckedWhy}`);
  }
  t.pass();
});

const isDropletPost = ({ method, path }: CloudRequest): boolean =>
  method === 'POST' && path === '/v2/droplets';

declareFaults<CloudRequest, Scene>(declare, {
  isCreate: isDropletPost,
  isRemoval: ({ method, path }) => method === 'DELETE' && path.startsWith('/v2/droplets/'),
  error: (status, headers) =>
    digitalOceanError(
      status,
      status === 401 ? 'Unauthorized' : 'server_error',
      'a fault of the test',
      headers,
    ),
  busy: [
    () => digitalOceanError(429, 'too_many_requests', 'API Rate limit exceeded.', { 'retry-after': '11' }),
    () => digitalOceanError(503, 'service_unavailable'),
  ],
  instances: 'droplets',
  callsMin: 8,
});

function bodyOf(cloud: DigitalOceanCloud, is: (request: CloudRequest) => boolean): Record<string, unknown> {
  return JSON.parse(cloud.requests.findLast(is)?.body ?? '{}') as Record<string, unknown>;
}

const isFirewallPost = ({ method, path }: CloudRequest): boolean =>
  method === 'POST' && path === '/v2/firewalls';

const storeId = '00000000-0000-4000-8000-000000000001';

declare('the request that makes a droplet has everything in it', async (t, { make, cloud }) => {
  const machine = make({
    values: { 'digitalocean-tags': 'team:blue, web', 'digitalocean-open-port': ['53/udp'] },
  });
  await createIn(machine);
  const body = bodyOf(cloud, isDropletPost);
  const own = await machine.context.provider?.ownership();
  t.is(body['image'], 'ubuntu-24-04-x64', 'of the LTS releases the newest');
  t.deepEqual(body['tags'], [
    ...['team:blue', 'web', 'tsmachine:1', `tsmachine-owner:${own?.storeId ?? ''}`],
    `tsmachine-id:${own?.machineId ?? ''}`,
  ]);
  t.true(String(body['user_data']).includes('ed25519_private'));
  const firewall = bodyOf(cloud, isFirewallPost);
  t.deepEqual(firewall['tags'], [`tsmachine-id:${own?.machineId ?? ''}`]);
  const sources = { addresses: ['198.18.0.0/15'] };
  t.deepEqual(firewall['inbound_rules'], [
    { protocol: 'tcp', ports: '22', sources },
    { protocol: 'tcp', ports: '2376', sources },
    { protocol: 'udp', ports: '53', sources },
  ]);
  t.like(await machine.driver.inspect(machine.context), {
    power: 'running',
    address: '127.0.0.1',
    engineUrl: 'tcp://127.0.0.1:2376',
  });
  t.is(machine.record()['Image'], 'ubuntu-24-04-x64');
  t.regex(String(machine.record()['PrivateIPAddress']), /^10\./);
  await machine.cleanup();
});

for (const [flag, value, key, sent] of [
  ['image', '104', 'image', 104],
  ['image', 'debian-12-x64', 'image', 'debian-12-x64'],
  ['region', 'ams3', 'region', 'ams3'],
  ['size', 's-2vcpu-4gb', 'size', 's-2vcpu-4gb'],
  ['backups', true, 'backups', true],
  ['ipv6', true, 'ipv6', true],
  ['monitoring', true, 'monitoring', true],
  ['private-networking', true, 'private_networking', undefined],
  ['vpc', defaultVpc, 'vpc_uuid', defaultVpc],
] as const) {
  declare(`--digitalocean-${flag} ${String(value)} is sent`, async (t, { make, cloud }) => {
    const machine = make({ values: { [`digitalocean-${flag}`]: value } });
    await createIn(machine);
    t.deepEqual(bodyOf(cloud, isDropletPost)[key], sent);
    await machine.cleanup();
  });
}

declare('user data of the user is sent together with ours', async (t, { make, cloud }) => {
  const machine = make({ values: { 'digitalocean-userdata': '/home/ann/data' } });
  machine.host.files.put('/home/ann/data', '#!/bin/sh\ntouch /theirs\n');
  await createIn(machine);
  t.regex(String(bodyOf(cloud, isDropletPost)['user_data']), /touch \/theirs[^]*ed25519_private/);
  machine.host.files.put('/home/ann/data', `#!/bin/sh\n${'x'.repeat(65_536)}\n`);
  const other = make({ values: { 'digitalocean-userdata': '/home/ann/data' } });
  other.host.files.put('/home/ann/data', `#!/bin/sh\n${'x'.repeat(65_536)}\n`);
  t.regex(String(await tryCreate(t, other)), /too long/);
  await other.cleanup();
  await machine.cleanup();
});

declare(
  'a droplet that nobody knows at first, by id or tag, and that takes its time',
  async (t, { make, cloud }) => {
    const machine = make();
    Object.assign(cloud, { unknownAnswers: 6, untaggedAnswers: 2, actionAnswers: 12 });
    await createIn(machine);
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
    await machine.driver.stop(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
    await machine.cleanup();
  },
);

declare('the answer is lost and the tag is late: still one droplet', async (t, { make, cloud, server }) => {
  const machine = make();
  cloud.untaggedAnswers = 2;
  let isLost = false;
  server.onRequest = (request) => {
    const isHit = isDropletPost(request) && !isLost;
    isLost ||= isHit;
    return isHit ? { kind: 'cut', when: 'after' } : undefined;
  };
  await createIn(machine);
  t.is(cloud.account.droplets.size, 1);
  await machine.cleanup();
});

declare(
  'rm finds a droplet that was made a moment ago and that nobody knows yet',
  async (t, { make, cloud }) => {
    const machine = make();
    Object.assign(cloud, { unknownAnswers: 2, untaggedAnswers: 1 });
    for (const step of machine.driver.steps(machine.context)) {
      await step.run();
    }
    t.is(cloud.account.droplets.size, 1);
    await machine.cleanup();
  },
);

declare('a droplet that never comes up ends with a time-out', async (t, { make, cloud }) => {
  const machine = make();
  cloud.actionAnswers = 1_000_000;
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  for (const { actions } of cloud.account.droplets.values()) {
    actions.forEach((action) => Object.assign(action, { left: 3 }));
  }
  await machine.cleanup();
});

declare('a guest that does not shut down loses its power', async (t, { make, cloud }) => {
  for (const setting of ['futile', 'failing'] as const) {
    const machine = make();
    await createIn(machine);
    cloud[setting].add('shutdown');
    await machine.driver.stop(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
    const types = cloud.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/actions'));
    t.regex(types.at(-1)?.body ?? '', /power_off/);
    cloud[setting].clear();
    await machine.cleanup();
  }
});

declare('restart: asked for, and by force when the guest does not', async (t, { make, cloud }) => {
  const machine = make();
  await createIn(machine);
  const actions = (): readonly string[] =>
    cloud.requests
      .filter(({ method, path }) => method === 'POST' && path.endsWith('/actions'))
      .map(({ body }) => (JSON.parse(body) as { type: string }).type);
  await machine.driver.restart?.(machine.context);
  t.deepEqual(actions(), ['reboot']);
  cloud.failing.add('reboot');
  await machine.driver.restart?.(machine.context);
  t.deepEqual(actions(), ['reboot', 'reboot', 'power_cycle']);
  await machine.driver.kill(machine.context);
  await machine.driver.restart?.(machine.context);
  t.is(actions().at(-1), 'power_on');
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declare('a start that fails at DigitalOcean is an error', async (t, { make, cloud }) => {
  const machine = make();
  await createIn(machine);
  await machine.driver.kill(machine.context);
  cloud.failing.add('power_on');
  await t.throwsAsync(machine.driver.start(machine.context), { code: 'vm-control-failed' });
  await machine.cleanup();
});

declare('a droplet that is gone behind our back is absent, and rm succeeds', async (t, { make, cloud }) => {
  const machine = make();
  await createIn(machine);
  cloud.account.droplets.clear();
  t.is((await machine.driver.inspect(machine.context)).power, 'absent');
  await machine.driver.stop(machine.context);
  await machine.cleanup();
});

declare('a token of another account does not make the droplet forgotten', async (t, { make, cloud }) => {
  const machine = make();
  await createIn(machine);
  Object.assign(machine.host.facts.env, { DIGITALOCEAN_ACCESS_TOKEN: 'other' });
  const error = await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
  t.regex(error.message, /is in another account/);
  t.is(cloud.account.droplets.size, 1);
  Object.assign(machine.host.facts.env, { DIGITALOCEAN_ACCESS_TOKEN: 'test' });
  await machine.cleanup();
});

declare(
  "a key of the user's is used, and neither it nor a firewall of others is touched",
  async (t, { make, cloud }) => {
    const theirs = keyJson(
      7,
      'laptop',
      `ssh-ed25519 ${Buffer.from('of the user').toString('base64')} ann@laptop`,
    );
    cloud.account.keys.set(7, theirs);
    cloud.account.tags.add('web');
    cloud.account.firewalls.set('f', {
      id: 'f',
      name: 'office',
      tags: ['web'],
      inbound_rules: [],
      outbound_rules: [],
    });
    const hash = createHash('md5').update('of the user').digest('hex').match(/../g)?.join(':');
    const before = cloud.rests();
    const values = { 'digitalocean-ssh-key-fingerprint': hash, 'digitalocean-tags': 'web' };
    const machine = make({ values });
    await createIn(machine);
    t.deepEqual(bodyOf(cloud, isDropletPost)['ssh_keys'], [7]);
    t.is(
      (await machine.driver.inspect(machine.context)).ssh?.keyPath,
      '',
      'the key is where the user has it',
    );
    await machine.cleanup();
    const withPath = make({ values: { ...values, 'digitalocean-ssh-key-path': '/home/ann/key' } });
    withPath.host.files.put('/home/ann/key', 'PRIVATE');
    await createIn(withPath);
    t.is(await withPath.host.files.readText('/home/ann/machines/dev/id_rsa'), 'PRIVATE');
    await withPath.cleanup();
    t.deepEqual(cloud.rests(), before);
    cloud.account.firewalls.clear();
    cloud.account.keys.clear();
    t.regex(String(await tryCreate(t, make({ values }))), /with fingerprint .* doesn't exist/);
  },
);

declare('two machines of a store at once, and one goes without the other', async (t, { make, cloud }) => {
  const [one, two] = [make({ name: 'one', storeId }), make({ name: 'two', storeId })];
  await Promise.all([createIn(one), createIn(two)]);
  t.is(cloud.account.droplets.size, 2);
  await one.cleanup();
  t.is((await two.driver.inspect(two.context)).power, 'running');
  t.is(cloud.account.firewalls.size, 1);
  await two.cleanup();
});

declare('the private address, and ports that are open to its network', async (t, { make, cloud }) => {
  const values = { 'digitalocean-use-private-address': true, 'digitalocean-open-to': [] };
  const machine = make({ values });
  await createIn(machine);
  t.regex((await machine.driver.inspect(machine.context)).address ?? '', /^10\.116\./);
  t.true(JSON.stringify(bodyOf(cloud, isFirewallPost)['inbound_rules']).includes('"10.116.0.0/20"'));
  await machine.cleanup();
});

declare('a tag that is refused as it is there already does no harm', async (t, { make, cloud }) => {
  const machine = make();
  cloud.refusesKnownTags = true;
  cloud.account.tags.add(`tsmachine-id:${(await machine.context.provider?.ownership())?.machineId ?? ''}`);
  await createIn(machine);
  t.is(cloud.account.firewalls.size, 1);
  await machine.cleanup();
});

declare('what is wrong is told before anything is made', async (t, scene) => {
  const { cloud, make } = scene;
  const codes = async (options: Partial<DigitalOceanMachineOptions>): Promise<readonly string[]> => {
    const { driver, context } = make(options);
    return (await driver.check(context)).map(({ code, message }) => `${code}: ${message}`);
  };
  const withValues = async (values: Record<string, string>): Promise<readonly string[]> => codes({ values });
  t.deepEqual(await codes({}), []);
  for (const [found, expected] of [
    [
      await withValues({ 'digitalocean-region': 'nyc2' }),
      /digitalocean requires a valid region.*ams3, nyc3; not in nyc2/,
    ],
    [await withValues({ 'digitalocean-size': 's-huge' }), /no droplets of the size s-huge in nyc3/],
    [await withValues({ 'digitalocean-image': 'ubuntu-16-04-x64' }), /no image ubuntu-16-04-x64/],
    [await withValues({ 'digitalocean-vpc': '00000000-0000-4000-8000-000000000000' }), /no VPC/],
    [
      await withValues({ 'digitalocean-vpc': defaultVpc, 'digitalocean-region': 'ams3' }),
      /in nyc3, not in ams3/,
    ],
    [await withValues({ 'digitalocean-ssh-key-fingerprint': 'aa:bb' }), /aa:bb doesn't exist/],
    [
      await withValues({ 'digitalocean-userdata': '/nowhere' }),
      /user-data file \/nowhere could not be found/,
    ],
    [await codes({ name: 'dev-' }), /must end with a letter or digit/],
    [
      await codes({ env: { DIGITALOCEAN_ACCESS_TOKEN: '' } }),
      /requires the --digitalocean-access-token option/,
    ],
    [await codes({ env: { DIGITALOCEAN_ACCESS_TOKEN: 'wrong' } }), /^credentials-refused/],
  ] as const) {
    t.is(found.length, 1, String(expected));
    t.regex(found[0] ?? '', expected);
  }
  cloud.account.dropletsMax = 0;
  t.regex((await codes({}))[0] ?? '', /^quota-exceeded: The account may have 0 droplets/);
  cloud.account.status = 'locked';
  t.regex((await codes({}))[0] ?? '', /^account-locked/);
  t.true(cloud.requests.every(({ method }) => method === 'GET'));
});

declare('a token that may not see the account is enough', async (t, { make, server }) => {
  server.onRequest = ({ path }) =>
    path === '/v2/account' ? digitalOceanError(403, 'Forbidden', 'You are not authorized') : undefined;
  const machine = make();
  t.deepEqual(await machine.driver.check(machine.context), []);
  await createIn(machine);
  await machine.cleanup();
});

declare('lists come in pages', async (t, { make, cloud }) => {
  cloud.pageSizeMax = 1;
  const machines = [make({ name: 'one', storeId }), make({ name: 'two', storeId })];
  for (const machine of machines) {
    await createIn(machine);
  }
  const [first] = machines;
  const owned = (await first?.driver.listOwned?.(first.context, storeId)) ?? [];
  t.is(owned.length, 6);
  for (const machine of machines) {
    await machine.cleanup();
  }
});

declare(
  'everything was lost: what a store owns is found and removed, and nothing of others',
  async (t, scene) => {
    const { make, cloud } = scene;
    const other = make({ name: 'other' });
    await createIn(other);
    const others = cloud.rests();
    const lost = make({ name: 'lost.one', storeId });
    await createIn(lost);
    const half = make({ name: 'half', storeId });
    for (const step of half.driver.steps(half.context).slice(0, 3)) {
      await step.run();
    }
    // Nobody remembers but the account.
    const finder = make({ name: 'finder', storeId });
    const list = async (): Promise<readonly OwnedResource[]> =>
      (await finder.driver.listOwned?.(finder.context, storeId)) ?? [];
    const owned = await list();
    const kinds = owned.map(({ kind }) => kind).sort();
    t.deepEqual(kinds, ['firewall', 'firewall', 'instance', 'key', 'key']);
    const machineId = (await lost.context.provider?.ownership())?.machineId;
    t.deepEqual(
      owned.filter((each) => each.machineId === machineId).map(({ kind }) => kind),
      ['instance', 'firewall', 'key'],
    );
    t.like(
      owned.find(({ kind }) => kind === 'instance'),
      { name: 'lost.one', place: 'nyc3', createdMs: Date.UTC(2026, 0, 2, 3, 4, 5) },
    );
    for (const resource of owned) {
      await finder.driver.removeOwned?.(finder.context, resource);
      await finder.driver.removeOwned?.(finder.context, resource);
    }
    t.deepEqual(await list(), []);
    t.deepEqual(cloud.rests(), others);
    await other.cleanup();
    t.deepEqual(await restsIn(scene), {});
  },
);

declare('many machines are asked for with one list', async (t, { make, cloud }) => {
  const machines = ['a1', 'a2', 'a3', 'a4'].map((name) => make({ name, storeId }));
  for (const machine of machines) {
    await createIn(machine);
  }
  const [one, two, three] = machines;
  if (one === undefined || two === undefined || three === undefined) {
    t.fail();
    return;
  }
  await two.driver.kill(two.context);
  cloud.account.droplets.delete(three.record()['DropletID'] as number);
  const stranger = make({ name: 'b1', env: { DIGITALOCEAN_ACCESS_TOKEN: 'wrong' } });
  await stranger.context.save({ DropletID: 1 });
  const empty = make({ name: 'c1' });
  const asked = cloud.requests.length;
  const contexts = [...machines, stranger, empty].map(({ context }) => context);
  const statuses = (await one.driver.inspectMany?.(contexts)) ?? [];
  t.deepEqual(
    statuses.map(({ power }) => power),
    ['running', 'stopped', 'absent', 'running', 'error', 'absent'],
  );
  t.deepEqual(statuses[0], await one.driver.inspect(one.context));
  const requests = cloud.requests
    .slice(asked)
    .map(({ path, query }) => `${path} ${query.get('tag_name') ?? ''}`);
  t.is(requests.filter((request) => request === `/v2/droplets tsmachine-owner:${storeId}`).length, 1);
  t.true(requests.length <= 6, requests.join('\n'));
  for (const machine of machines) {
    await machine.cleanup();
  }
});

declare("machines of docker-machine's, without tags, are found and removed", async (t, { make, cloud }) => {
  const maker = make();
  await createIn(maker);
  const [droplet] = cloud.account.droplets.values();
  droplet?.tags.splice(0);
  const [key] = cloud.account.keys.values();
  Object.assign(key ?? {}, { name: 'dev' });
  const heir = make();
  const { DropletID, SSHKeyID, IPAddress } = maker.record();
  await heir.context.save({ DropletID, SSHKeyID, IPAddress });
  const [status] = (await heir.driver.inspectMany?.([heir.context])) ?? [];
  t.is(status?.power, 'running');
  t.is((await heir.driver.inspect(heir.context)).power, 'running');
  await heir.cleanup();
  t.is(cloud.account.droplets.size, 0);
  t.is(cloud.account.keys.size, 0);
  await maker.cleanup();
});
