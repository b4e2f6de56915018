import { isMachineError } from '../../../src/core/errors.ts';
import type { OpenStackMachineOptions } from '../../fakes/openstack-machine.ts';
import { createIn as create, tryCreate } from '../../support/loopback-cloud/fault-suite.ts';
import { openStackError } from '../../support/loopback-cloud/openstack-cloud.ts';
import { forget } from '../../support/loopback-cloud/openstack-compute.ts';
import { issueToken } from '../../support/loopback-cloud/openstack-identity.ts';
import { declareOpenStack, type OpenStackScene } from '../../support/loopback-cloud/openstack-scene.ts';
import { application, projectId, type CloudServer } from '../../support/loopback-cloud/openstack-state.ts';

// What is peculiar to OpenStack: its states, what of the user's is used, who is asked for and how.

interface SentServer {
  readonly server: Readonly<Record<string, unknown>> & {
    readonly metadata: Readonly<Record<string, string>>;
  };
}

function sentServer({ server }: OpenStackScene): SentServer {
  const sent = server.requests.find(
    ({ method, path }) => method === 'POST' && path === '/compute/v2.1/servers',
  );
  return JSON.parse(sent?.body ?? '{}') as SentServer;
}

function serverIn({ cloud }: OpenStackScene): CloudServer {
  const [server] = cloud.state.servers.values();
  if (server === undefined) {
    throw new Error('there is no server');
  }
  return server;
}

declareOpenStack('the request that makes a server has everything in it', async (t, scene) => {
  const machine = scene.make({
    values: {
      'openstack-metadata': 'team,blue',
      'openstack-availability-zone': 'nova',
      'openstack-config-drive': true,
      'openstack-server-group-name': 'apart',
      'openstack-volume-device-path': '/dev/vdc',
    },
  });
  await create(machine);
  const { server, ...hints } = sentServer(scene);
  const { machineId, storeId } = (await machine.context.provider?.ownership()) ?? {
    machineId: '?',
    storeId: '?',
  };
  t.like(server.metadata, { team: 'blue', 'tsmachine-id': machineId, 'tsmachine-owner': storeId });
  t.deepEqual(hints, { 'os:scheduler_hints': { group: '66666666-6666-6666-6666-666666666666' } });
  t.like(server, { name: 'dev', flavorRef: '1', availability_zone: 'nova', config_drive: true });
  t.true(serverIn(scene).userData.includes('ed25519_private'));
  const disks = server['block_device_mapping_v2'] as readonly Readonly<Record<string, unknown>>[];
  t.like(disks[1], { source_type: 'volume', device_name: '/dev/vdc', delete_on_termination: false });
  const rules = scene.server.requests.filter(({ path }) => path.endsWith('/security-group-rules'));
  t.deepEqual(
    rules.map(({ body }) => /"port_range_min":(\d+).*"remote_ip_prefix":"([^"]+)"/.exec(body)?.slice(1)),
    [
      ['22', '198.18.0.0/15'],
      ['2376', '198.18.0.0/15'],
    ],
  );
  t.is(machine.record()['IPAddress'], [...scene.cloud.state.floatingIps.values()][0]?.address);
  await machine.cleanup();
});

declareOpenStack('a server that nobody knows at first, and that is built for long', async (t, scene) => {
  const machine = scene.make();
  Object.assign(scene.cloud.state.settings, { unknownLooks: 6, buildLooks: 14 });
  await create(machine);
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declareOpenStack('a server that never comes up ends with a time-out', async (t, scene) => {
  const machine = scene.make();
  scene.cloud.state.settings.buildLooks = Infinity;
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  await machine.cleanup();
});

declareOpenStack('a server for which no host has room is an error that says so', async (t, scene) => {
  const machine = scene.make();
  scene.cloud.state.settings.noRoom = 'dev';
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.why === 'No valid host was found.', String(error));
  t.regex((await machine.driver.inspect(machine.context)).detail ?? '', /ERROR: No valid host/);
  await machine.cleanup();
});

declareOpenStack('credentials of another project do not make the server forgotten', async (t, scene) => {
  const machine = scene.make();
  await create(machine);
  const { state } = scene.cloud;
  scene.server.onRequest = ({ method, path, body, headers }) => {
    if (path.endsWith('/auth/tokens')) {
      const answer = issueToken(state, body, scene.server.url);
      const headersThen = { ...answer.headers, 'x-subject-token': 'of-others' };
      const other = answer.body.replaceAll(projectId, 'f'.repeat(32));
      return { kind: 'answer', ...answer, headers: headersThen, body: other };
    }
    if (headers['x-auth-token'] !== 'of-others') {
      return openStackError(401);
    }
    return method === 'GET' && path.endsWith('/servers/detail')
      ? { kind: 'answer', status: 200, body: '{"servers":[]}' }
      : openStackError(404);
  };
  const error = await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
  t.regex(error.message, /is in another project/);
  scene.server.onRequest = () => undefined;
  await machine.cleanup();
});

declareOpenStack(
  'a server that is removed behind our back is absent, and rm removes the rest',
  async (t, scene) => {
    const machine = scene.make();
    await create(machine);
    await forget(scene.cloud.state, serverIn(scene));
    t.is((await machine.driver.inspect(machine.context)).power, 'absent');
    await machine.cleanup();
  },
);

declareOpenStack('machines of a store share a group, which goes with the last', async (t, scene) => {
  const storeId = '00000000-0000-4000-8000-000000000001';
  const [one, two] = [scene.make({ name: 'one', storeId }), scene.make({ name: 'two', storeId })];
  await create(one);
  await create(two);
  t.deepEqual((await scene.rests())['groups'], ['tsmachine-00000000']);
  await one.cleanup();
  t.deepEqual((await scene.rests())['groups'], ['tsmachine-00000000']);
  t.deepEqual((await scene.rests())['servers'], ['two']);
  await two.cleanup();
});

declareOpenStack('a group that goes away in the last moment is made again', async (t, scene) => {
  const machine = scene.make();
  let isGone = false;
  scene.server.onRequest = ({ method, path }) => {
    if (method === 'POST' && path.endsWith('/servers') && !isGone) {
      isGone = true;
      for (const group of scene.cloud.state.groups.values()) {
        if (group.name.startsWith('tsmachine-')) {
          scene.cloud.state.groups.delete(group.id);
        }
      }
    }
    return undefined;
  };
  await create(machine);
  t.true(isGone);
  t.is((await scene.rests())['groups']?.length, 1);
  await machine.cleanup();
});

declareOpenStack("the user's groups, key pair and volume are used and stay as they are", async (t, scene) => {
  const { state } = scene.cloud;
  const before = JSON.stringify([
    [...state.groups.values()],
    [...state.keyPairs],
    [...state.volumes.values()],
  ]);
  const machine = scene.make({
    values: {
      'openstack-sec-groups': 'default, web',
      'openstack-keypair-name': 'mine',
      'openstack-private-key-file': '/home/ann/.ssh/id',
      'openstack-volume-size': 0,
      'openstack-volume-id': '99999999-9999-9999-9999-999999999999',
    },
  });
  machine.host.files.put('/home/ann/.ssh/id', 'key');
  t.deepEqual(await machine.driver.check(machine.context), []);
  await create(machine);
  t.is(await machine.host.files.readText(`${machine.context.directory}/id_rsa`), 'key');
  t.deepEqual(sentServer(scene).server['security_groups'], [{ name: 'default' }, { name: 'web' }]);
  t.is([...state.volumes.values()][0]?.status, 'in-use');
  await machine.cleanup();
  t.is(
    JSON.stringify([[...state.groups.values()], [...state.keyPairs], [...state.volumes.values()]]),
    before,
  );
});

declareOpenStack(
  'a free floating IP is taken and given back; only one that was made is removed',
  async (t, scene) => {
    const { state } = scene.cloud;
    const pool = '55555555-5555-5555-5555-555555555555';
    const theirs = {
      id: state.newId(),
      address: '198.51.100.77',
      networkId: pool,
      description: '',
      portId: null,
    };
    state.floatingIps.set(theirs.id, theirs);
    const [one, two] = [scene.make({ name: 'one' }), scene.make({ name: 'two' })];
    await create(one);
    t.is(one.record()['IPAddress'], '198.51.100.77');
    await create(two);
    t.not(two.record()['IPAddress'], '198.51.100.77');
    await two.cleanup();
    await one.cleanup();
    t.deepEqual([...state.floatingIps.values()], [{ ...theirs, portId: null }]);
    state.floatingIps.clear();
  },
);

declareOpenStack('quotas that are used up are no matter of credentials', async (t, scene) => {
  const { settings } = scene.cloud.state;
  const machine = scene.make();
  settings.floatingIpsMax = 0;
  t.regex(String(await tryCreate(t, machine)), /Quota exceeded for resources/);
  await machine.cleanup();
  settings.serversMax = 0;
  const second = scene.make();
  t.true((await second.driver.check(second.context)).some(({ code }) => code === 'quota-reached'));
  const error = await tryCreate(t, second);
  t.true(isMachineError(error) && error.code === 'cloud-refused', String(error));
  await second.cleanup();
});

declareOpenStack('a root disk on a volume of a type goes with its server', async (t, scene) => {
  const machine = scene.make({
    values: {
      'openstack-boot-from-volume': true,
      'openstack-volume-size': 0,
      'openstack-volume-type': 'ssd',
      'openstack-image-name': '',
      'openstack-image-id': '22222222-2222-2222-2222-222222222222',
    },
  });
  await create(machine);
  const root = [...scene.cloud.state.volumes.values()].at(-1);
  t.like(root, { size: 20, type: 'ssd', status: 'in-use' });
  t.is(sentServer(scene).server['imageRef'], undefined);
  await machine.cleanup();
});

declareOpenStack(
  'without a pool the machine is reached by its fixed address, of either version',
  async (t, scene) => {
    const plain = { 'openstack-floatingip-pool': '', 'openstack-volume-size': 0 };
    const machine = scene.make({ values: plain });
    await create(machine);
    t.regex(String(machine.record()['IPAddress']), /^10\.20\.0\./);
    await machine.cleanup();
    const sixth = scene.make({
      values: { ...plain, 'openstack-ip-version': 6, 'openstack-open-to': ['2001:db8::/32'] },
    });
    await create(sixth);
    t.is((await sixth.driver.inspect(sixth.context)).engineUrl, 'tcp://[2001:db8::20]:2376');
    await sixth.cleanup();
  },
);

declareOpenStack('a server that is paused, suspended or shelved can be started', async (t, scene) => {
  const machine = scene.make();
  await create(machine);
  for (const [status, power] of [
    ['PAUSED', 'paused'],
    ['SUSPENDED', 'saved'],
    ['SHELVED_OFFLOADED', 'stopped'],
  ] as const) {
    Object.assign(serverIn(scene), { status });
    t.is((await machine.driver.inspect(machine.context)).power, power);
    await machine.driver.start(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
  }
  await machine.driver.restart?.(machine.context);
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declareOpenStack(
  'what a store has is found when all records are lost, page by page, and removed',
  async (t, scene) => {
    const storeId = '00000000-0000-4000-8000-000000000002';
    const lost = [scene.make({ name: 'one', storeId }), scene.make({ name: 'two.b', storeId })];
    for (const machine of lost) {
      await create(machine);
    }
    const other = scene.make({ name: 'other' });
    await create(other);
    scene.cloud.state.settings.pageSize = 1;
    const { driver, context } = scene.make({ name: 'finder' });
    const owned = (await driver.listOwned?.(context, storeId)) ?? [];
    t.deepEqual(
      owned.map(
        ({ kind, name }) => `${kind} ${kind === 'key' ? name.slice(0, 6) : kind === 'address' ? '' : name}`,
      ),
      [
        ...['instance one', 'instance two.b', 'disk rancher-machine-volume', 'disk rancher-machine-volume'],
        ...['address ', 'address ', 'firewall tsmachine-00000000', 'key one-00', 'key two-b-'],
      ],
    );
    const ids = await Promise.all(
      lost.map(async (each) => (await each.context.provider?.ownership())?.machineId),
    );
    for (const { kind, machineId, createdMs } of owned) {
      t.is(machineId !== undefined && ids.includes(machineId), kind !== 'firewall');
      t.is(createdMs !== undefined, kind !== 'key');
    }
    for (const resource of owned) {
      await driver.removeOwned?.(context, resource);
      await driver.removeOwned?.(context, resource);
    }
    t.deepEqual(await driver.listOwned?.(context, storeId), []);
    t.deepEqual((await scene.rests())['servers'], ['other']);
    scene.cloud.state.settings.pageSize = 1000;
    await other.cleanup();
  },
);

declareOpenStack('many machines are looked at with one list', async (t, scene) => {
  const [one, two] = [scene.make({ name: 'one' }), scene.make({ name: 'two' })];
  await create(one);
  await create(two);
  await two.driver.stop(two.context);
  const none = scene.make({ name: 'none' });
  const first = scene.server.requests.length;
  const contexts = [one, two, none].map(({ context }) => context);
  const statuses = await one.driver.inspectMany?.(contexts);
  t.deepEqual(
    statuses?.map(({ power }) => power),
    ['running', 'stopped', 'absent'],
  );
  t.is(scene.server.requests.slice(first).filter(({ path }) => path.endsWith('/servers/detail')).length, 1);
  await one.cleanup();
  await two.cleanup();
});

declareOpenStack(
  'whoever asks is known by password, application credential, token and clouds.yaml',
  async (t, scene) => {
    const nobody = { 'openstack-username': '', 'openstack-tenant-name': '' };
    const clouds = `clouds:\n  home:\n    auth:\n      auth_url: ${scene.cloud.authUrl}/v3\n      username: ann\n      project_name: demo\n      user_domain_name: Default\n      project_domain_id: default\n    region_name: RegionOne\n`;
    const cases: readonly Partial<OpenStackMachineOptions>[] = [
      {
        values: { 'openstack-domain-name': 'Default' },
        secrets: { 'openstack-password': 'pass-hush' },
        env: {},
      },
      {
        values: { ...nobody, 'openstack-application-credential-id': application.id },
        env: { OS_PASSWORD: '', OS_APPLICATION_CREDENTIAL_SECRET: application.secret },
      },
      {
        values: { 'openstack-tenant-name': '', 'openstack-application-credential-name': application.name },
        secrets: { 'openstack-application-credential-secret': application.secret },
      },
      { values: nobody, env: { OS_PASSWORD: '', OS_TOKEN: 'known', OS_PROJECT_NAME: 'demo' } },
      {
        values: { ...nobody, 'openstack-auth-url': '', 'openstack-region': '', 'openstack-cloud': 'home' },
        env: { OS_PASSWORD: '' },
      },
    ];
    scene.cloud.state.tokens.add('known');
    for (const options of cases) {
      const machine = scene.make(options);
      machine.host.files.put('/home/ann/.config/openstack/clouds.yaml', clouds);
      machine.host.files.put(
        '/home/ann/.config/openstack/secure.yaml',
        'clouds:\n  home:\n    auth:\n      password: "pass-hush"\n',
      );
      t.deepEqual(await machine.driver.check({ ...machine.context, state: machine.state() }), []);
      await create(machine);
      t.false(JSON.stringify([machine.record(), machine.state(), machine.events]).includes('hush'));
      await machine.cleanup();
    }
  },
);
