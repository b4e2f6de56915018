import test from 'ava';
import type { FlagValues } from '../../../../src/drivers/driver.ts';
import driver from '../../../../src/drivers/openstack/driver.ts';
import { groupOf, imageOf, serverOf } from '../../../../src/drivers/openstack/api/answers.ts';
import { serverRequest, type ServerDetails } from '../../../../src/drivers/openstack/api/requests.ts';
import { readConfig } from '../../../../src/drivers/openstack/config.ts';
import { configure } from '../../../../src/drivers/openstack/configure.ts';
import { statusOf } from '../../../../src/drivers/openstack/inspect.ts';
import {
  finishedMark,
  machineOfName,
  markedName,
  markOfMachine,
  propertiesOfImage,
  readMark,
  readProperties,
  refusedMetadata,
} from '../../../../src/drivers/openstack/marks.ts';
import { placeOf } from '../../../../src/drivers/openstack/place.ts';
import { missingRules } from '../../../../src/drivers/openstack/security-group.ts';

const base = {
  'openstack-auth-url': 'https://keystone.example:5000/v3',
  'openstack-flavor-name': 'm1.small',
  'openstack-image-name': 'ubuntu',
};
const details: ServerDetails = {
  ...{ name: 'dev', userData: 'x', metadata: {}, groups: ['g'], rootSizeGiB: 16 },
  imageSnapshotId: '',
};
const own = {
  machineId: '11111111-2222-4333-8444-555555555555',
  storeId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
};

test('every flag ends up in the record or in what is kept beside it', (t) => {
  const { config: plain, state = {}, common } = configure(base);
  const before = JSON.stringify([plain, state, common]);
  const exclusive: Readonly<Record<string, readonly string[]>> = {
    'openstack-flavor-id': ['openstack-flavor-name'],
    'openstack-image-id': ['openstack-image-name'],
  };
  // A token is in secrets.json or the environment; nova-network is refused.
  const without = new Set(['openstack-token', 'openstack-nova-network']);
  for (const { name, type } of driver.manifest.flags.filter((flag) => !without.has(flag.name))) {
    const ofForm: Readonly<Record<string, unknown>> = {
      'openstack-auth-url': 'https://other.example/v3',
      'openstack-endpoint-type': 'internalURL',
      'openstack-ip-version': 6,
      'openstack-open-to': ['192.0.2.0/24'],
      'openstack-open-port': ['80'],
      'openstack-keypair-name': 'mine',
      'openstack-private-key-file': '/k',
    };
    const value = ofForm[name] ?? { string: 'x', int: 7, bool: true, list: ['x'] }[type as 'string'];
    const pair = /keypair|private-key/.test(name)
      ? { 'openstack-keypair-name': 'mine', 'openstack-private-key-file': '/k' }
      : {};
    const left = Object.fromEntries((exclusive[name] ?? []).map((other) => [other, '']));
    const made = configure({ ...base, ...left, ...pair, [name]: value as string });
    t.not(JSON.stringify([made.config, made.state, made.common]), before, name);
  }
});

for (const [values, message] of [
  [{ 'openstack-auth-url': '' }, /^Authentication URL must be specified .* OS_AUTH_URL/],
  [{ 'openstack-flavor-name': '' }, /^Flavor name or Flavor id must be specified using the CLI option/],
  [{ 'openstack-flavor-id': '1' }, /^Either Flavor name or Flavor id must be specified, not both$/],
  [{ 'openstack-image-id': 'x' }, /^Either Image name or Image id must be specified, not both$/],
  [{ 'openstack-net-id': 'x', 'openstack-net-name': 'y' }, /^Either Network name or Network id/],
  [{ 'openstack-tenant-id': 'x', 'openstack-tenant-name': 'y' }, /^Either Tenant name or Tenant id/],
  [{ 'openstack-keypair-name': 'x' }, /^Both KeyPairName and PrivateKeyFile must be specified$/],
  [{ 'openstack-nova-network': true }, /nova-network is gone/],
  [{ 'openstack-ip-version': 5 }, /4 or 6/],
  [{ 'openstack-ip-version': 6, 'openstack-floatingip-pool': 'p' }, /floating IPs are of version 4/],
  [{ 'openstack-endpoint-type': 'private' }, /invalid value "private"/],
  [{ 'openstack-open-to': ['everywhere'] }, /invalid value/],
  [{ 'openstack-sec-groups': 'web', 'openstack-open-port': ['80'] }, /exclude each other/],
  [{ 'openstack-volume-id': 'v', 'openstack-volume-size': 2 }, /^Either Volume id or Volume size/],
] as const) {
  test(`flags that cannot work are refused: ${String(message)}`, (t) => {
    t.throws(() => configure({ ...base, ...values }), { code: 'flag-invalid', message });
  });
}

test('an entry of clouds.yaml stands for the URL', (t) => {
  t.notThrows(() => configure({ ...base, 'openstack-auth-url': '', 'openstack-cloud': 'home' }));
});

test('records of docker-machine and of rancher are read', (t) => {
  const ofMachine = {
    ...{
      IPAddress: '192.0.2.7',
      MachineName: 'dev',
      SSHUser: 'ubuntu',
      SSHPort: 22,
      SSHKeyPath: '/k',
      StorePath: '/s',
    },
    ...{
      SwarmMaster: false,
      SwarmHost: 'tcp://0.0.0.0:3376',
      SwarmDiscovery: '',
      AuthUrl: 'http://10.0.0.1:5000/v2.0',
    },
    ...{
      ActiveTimeout: 200,
      Insecure: false,
      CaCert: '',
      DomainID: 'default',
      DomainName: '',
      Username: 'ann',
    },
    ...{
      Password: 'hush',
      TenantName: 'demo',
      TenantId: '',
      Region: 'RegionOne',
      AvailabilityZone: '',
      EndpointType: '',
    },
    ...{
      MachineId: 'b0a1',
      FlavorName: 'm1',
      FlavorId: '2',
      ImageName: 'u',
      ImageId: 'i1',
      KeyPairName: 'dev-0a',
    },
    ...{
      NetworkName: '',
      NetworkId: '',
      UserData: null,
      PrivateKeyFile: '',
      SecurityGroups: null,
      FloatingIpPool: '',
    },
    ...{ ComputeNetwork: false, FloatingIpPoolId: '', IpVersion: 4, ConfigDrive: false, ExistingKey: false },
  };
  t.like(readConfig(ofMachine), {
    address: '192.0.2.7',
    serverId: 'b0a1',
    domainId: 'default',
    password: 'hush',
    groupNames: [],
    userData: '',
    ipVersion: 4,
  });
  const ofRancher = {
    ...{
      DomainId: 'd1',
      ApplicationCredentialId: 'a1',
      ApplicationCredentialSecret: 's',
      UserDomainName: 'U',
    },
    ...{
      BootFromVolume: true,
      VolumeSize: 20,
      UserData: 'eA==',
      SecurityGroups: ['web'],
      ServerGroupId: 'g1',
    },
  };
  t.like(readConfig(ofRancher), {
    domainId: 'd1',
    applicationId: 'a1',
    applicationSecret: 's',
    userDomainName: 'U',
    bootsFromVolume: true,
    volumeSizeGiB: 20,
    userData: 'eA==',
    groupNames: ['web'],
    serverGroupId: 'g1',
  });
  for (const wrong of [
    { IPAddress: 'x' },
    { MachineId: '../x' },
    { UserData: '%' },
    { AuthUrl: 'file:///x' },
  ]) {
    t.throws(() => readConfig(wrong), { code: 'record-invalid' });
  }
});

test('states of Nova', (t) => {
  const config = readConfig({ MachineId: 'm1', IPAddress: '' });
  const power = (status: string, task?: string): string =>
    statusOf(serverOf({ id: 'm1', status, 'OS-EXT-STS:task_state': task ?? null }), config).power;
  const expected = {
    ...{
      BUILD: 'starting',
      REBUILD: 'starting',
      REBOOT: 'starting',
      HARD_REBOOT: 'starting',
      ACTIVE: 'running',
    },
    ...{ SHUTOFF: 'stopped', STOPPED: 'stopped', SHELVED: 'stopped', SHELVED_OFFLOADED: 'stopped' },
    ...{ PAUSED: 'paused', SUSPENDED: 'saved', ERROR: 'error', UNKNOWN: 'error', DELETED: 'absent' },
    constructor: 'error',
  };
  for (const [status, state] of Object.entries(expected)) {
    t.is(power(status), state, status);
  }
  t.is(power('ACTIVE', 'powering-off'), 'stopping');
  t.is(power('SHUTOFF', 'powering-on'), 'starting');
  t.is(statusOf(undefined, config).power, 'absent');
});

test('marks hold what they are given, within the bounds of names and descriptions', (t) => {
  const text = markOfMachine({ ...own, expiresMs: 4_000_000_000_000 }, 4_000_000_000_000);
  t.true(text.length <= 255, `${text.length}`);
  t.like(readMark(text), { tsmachine: '1', 'tsmachine-id': own.machineId, 'tsmachine-owner': own.storeId });
  t.deepEqual(readMark('tsmachine-owner=x my own'), {});
  const name = markedName(`a.${'b'.repeat(61)}`, own);
  t.regex(name, /^a-b{61}-[0-9a-f]{64}$/);
  t.is(machineOfName(name, own.storeId), own.machineId);
  t.is(machineOfName(name, own.machineId), undefined);
  t.is(machineOfName('mine', own.storeId), undefined);
  t.is(refusedMetadata('a,b,c d,e'), undefined);
  t.is(refusedMetadata(`a,${'b'.repeat(256)}`), 'a');
  t.is(refusedMetadata('a/b,c'), 'a/b');
});

test('too much user data is refused before it is sent', (t) => {
  const config = readConfig({});
  t.notThrows(() => serverRequest(config, { ...details, userData: 'x'.repeat(49_149) }));
  t.throws(() => serverRequest(config, { ...details, userData: 'x'.repeat(49_152) }), {
    code: 'flag-invalid',
  });
});

test('what rules lack; a wider one is enough, one for members of a group is not', (t) => {
  const rule = {
    direction: 'ingress',
    ethertype: 'IPv4',
    protocol: 'tcp',
    port_range_min: 22,
    port_range_max: 22,
  };
  const lacking = (...rules: readonly Readonly<Record<string, unknown>>[]): readonly string[] =>
    missingRules(
      groupOf({ id: 'g', security_group_rules: rules })?.rules ?? [],
      [{ protocol: 'tcp', port: 22 }],
      ['192.0.2.0/24', '2001:db8::/32'],
    ).map(({ range }) => range);
  t.deepEqual(lacking(), ['192.0.2.0/24', '2001:db8::/32']);
  t.deepEqual(lacking({ ...rule, remote_ip_prefix: '192.0.2.0/24' }), ['2001:db8::/32']);
  t.deepEqual(lacking({ ...rule, remote_ip_prefix: '0.0.0.0/0' }), ['2001:db8::/32']);
  t.deepEqual(lacking({ ...rule, remote_group_id: 'g' }).length, 2);
  t.deepEqual(lacking({ ...rule, protocol: 'udp' }).length, 2);
  t.deepEqual(lacking({ ...rule, port_range_min: 23, port_range_max: 30 }).length, 2);
  t.deepEqual(lacking({ direction: 'egress', ethertype: 'IPv4' }).length, 2);
  t.deepEqual(lacking({ direction: 'ingress', ethertype: 'IPv4' }), ['2001:db8::/32']);
});

test('a place is flags that look there, without a secret, the same for machines of one project', (t) => {
  const made = configure({ ...base, 'openstack-username': 'ann', 'openstack-password': 'hush' });
  const one = placeOf(readConfig(made.config), { ...made.state, projectId: 'p1' });
  const other = placeOf(readConfig({ ...made.config, FlavorName: 'm2', TenantName: 'demo' }), {
    projectId: 'p1',
  });
  t.deepEqual(one, other);
  t.false(JSON.stringify(one).includes('hush'));
  t.like(readConfig(configure(one).config), {
    authUrl: base['openstack-auth-url'],
    tenantId: 'p1',
    userName: 'ann',
  });
});

test('the disks of an image of volumes are in a property of it, as JSON', (t) => {
  const disk = { boot_index: 0, snapshot_id: 's1', source_type: 'snapshot', volume_size: 30, image_id: null };
  const mapping = JSON.stringify([disk, { boot_index: null, snapshot_id: 's2' }, { volume_id: 'v' }]);
  const image = imageOf({
    id: 'i',
    name: 'n',
    status: 'active',
    min_disk: 20,
    block_device_mapping: mapping,
  });
  t.is(image?.diskGiB, 30);
  t.deepEqual(image?.snapshots, [
    { id: 's1', isRoot: true, sizeGiB: 30 },
    { id: 's2', isRoot: false, sizeGiB: 0 },
  ]);
  t.deepEqual(imageOf({ id: 'i', block_device_mapping: '{' })?.snapshots, []);
});

test('an image is finished when its mark has its own id, and one that inherits marks is nobody’s', (t) => {
  const order = { name: 'ci-1', system: 'Ubuntu '.repeat(99), engineVersion: '28.0.4' };
  const properties = propertiesOfImage(own, order, 0);
  t.true(Object.values(properties).every((value) => value.length <= 255));
  t.like(readProperties('i1', properties), { name: 'ci-1', isFinished: false, machineId: own.machineId });
  const finished = { ...properties, 'tsmachine-baked': finishedMark('i1', 0) };
  t.like(readProperties('i1', finished), { name: 'ci-1', isFinished: true });
  t.is(readProperties('i2', finished), undefined);
  t.is(readProperties('i2', {}), undefined);
});

test('a disk on a volume is made of the snapshot in which an image is', (t) => {
  const root = (values: FlagValues): unknown => {
    const config = readConfig(configure({ ...base, ...values }).config);
    const { body } = serverRequest(config, { ...details, imageSnapshotId: 's1' });
    return (body['server'] as Readonly<Record<string, readonly unknown[]>>)['block_device_mapping_v2']?.[0];
  };
  const disk = { boot_index: 0, uuid: 's1', source_type: 'snapshot', destination_type: 'volume' };
  t.like(root({ 'openstack-boot-from-volume': true }), { ...disk, volume_size: 16 });
  t.like(root({ 'openstack-volume-id': 'v' }), disk);
  t.is(root({}), undefined);
});
