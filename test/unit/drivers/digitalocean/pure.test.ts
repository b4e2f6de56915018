import test from 'ava';
import fc from 'fast-check';
import { newRecord } from '../../../../src/store/new-record.ts';
import { formatRecord, parseRecord } from '../../../../src/store/record.ts';
import { dropletOf, imageOf } from '../../../../src/drivers/digitalocean/answers.ts';
import { readError } from '../../../../src/drivers/digitalocean/api.ts';
import { newestLts } from '../../../../src/drivers/digitalocean/choose.ts';
import { configure, readConfig, readState } from '../../../../src/drivers/digitalocean/config.ts';
import { dropletBody } from '../../../../src/drivers/digitalocean/droplet-request.ts';
import { baseUrlOf, isApiUrl } from '../../../../src/drivers/digitalocean/endpoint.ts';
import { recallStatus, statusOf } from '../../../../src/drivers/digitalocean/inspect.ts';
import { fingerprintOf } from '../../../../src/drivers/digitalocean/key.ts';
import { placeOf } from '../../../../src/drivers/digitalocean/place.ts';
import { manifest } from '../../../../src/drivers/digitalocean/manifest.ts';
import {
  dropletTags,
  finishedImageName,
  isOwnTag,
  isTag,
  ownName,
  ownTags,
  readDropletTags,
  readImageName,
  readOwnName,
  splitTags,
} from '../../../../src/drivers/digitalocean/tags.ts';

const own = {
  machineId: '11111111-2222-4333-8444-555555555555',
  storeId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
};

test("the flags of docker-machine's, with their types, variables and defaults", (t) => {
  const theirs = [
    'access-token string',
    'backups bool',
    'image string',
    'ipv6 bool',
    'monitoring bool',
    'private-networking bool',
    'region string nyc3',
    'size string s-1vcpu-1gb',
    'ssh-key-fingerprint string',
    'ssh-key-path string',
    'ssh-port int 22',
    'ssh-user string root',
    'tags string',
    'userdata string',
  ];
  const ours = manifest.flags.map(({ name, type, default: value }) =>
    `${name.replace('digitalocean-', '')} ${type} ${String(value ?? '')}`.trim(),
  );
  t.deepEqual(
    theirs.filter((flag) => !ours.includes(flag)),
    [],
  );
  for (const flag of theirs) {
    const [name = ''] = flag.split(' ');
    const found = manifest.flags.find((each) => each.name === `digitalocean-${name}`);
    t.is(found?.env, `DIGITALOCEAN_${name.toUpperCase().replaceAll('-', '_')}`);
  }
});

test("flags become docker-machine's keys, and a state of ours", (t) => {
  const { config, state, common } = configure({
    'digitalocean-access-token': 'secret',
    'digitalocean-backups': true,
    'digitalocean-context': 'work',
    'digitalocean-endpoint': 'https://do.example.com/v2',
    'digitalocean-image': 'debian-12-x64',
    'digitalocean-ipv6': true,
    'digitalocean-monitoring': true,
    'digitalocean-open-port': ['80', '53/udp'],
    'digitalocean-open-to': ['192.0.2.0/24'],
    'digitalocean-private-networking': true,
    'digitalocean-region': 'fra1',
    'digitalocean-size': 's-2vcpu-4gb',
    'digitalocean-ssh-key-fingerprint': 'aa:bb',
    'digitalocean-ssh-key-path': '/home/ann/key',
    'digitalocean-ssh-port': 2222,
    'digitalocean-ssh-user': 'core',
    'digitalocean-tags': 'a, b:c',
    'digitalocean-use-private-address': true,
    'digitalocean-userdata': '/home/ann/data',
    'digitalocean-vpc': '5a4981aa-9653-4bd1-bef5-d6bff52042e4',
  });
  t.deepEqual(config, {
    ...{ AccessToken: 'secret', DropletID: 0, DropletName: '', Image: 'debian-12-x64', Region: 'fra1' },
    ...{ SSHKeyID: 0, SSHKeyFingerprint: 'aa:bb', SSHKey: '/home/ann/key', Size: 's-2vcpu-4gb' },
    ...{ IPv6: true, Backups: true, PrivateNetworking: true, UserDataFile: '/home/ann/data' },
    ...{ Monitoring: true, Tags: 'a, b:c', PrivateIPAddress: '' },
  });
  t.deepEqual(common, { sshUser: 'core', sshPort: 2222 });
  t.like(readState(state ?? {}), {
    ...{ context: 'work', endpoint: 'https://do.example.com/v2', openPorts: ['80', '53/udp'] },
    ...{ openTo: ['192.0.2.0/24'], usesPrivateAddress: true, isDropletBegun: false },
    vpc: '5a4981aa-9653-4bd1-bef5-d6bff52042e4',
  });
  t.deepEqual(placeOf(readConfig(config), state ?? {}), {
    'digitalocean-endpoint': 'https://do.example.com/v2',
    'digitalocean-context': 'work',
  });
  t.deepEqual(placeOf(readConfig(config), {}), {});
});

for (const [flag, value, message] of [
  ['ssh-key-path', '/home/ann/key', /ssh-key-fingerprint needs to be provided for "\/home\/ann\/key"/],
  ['tags', 'good, not good', /"not good" for flag -digitalocean-tags/],
  ['endpoint', 'http://do.example.com', /digitalocean-endpoint/],
  ['endpoint', 'https://ann:pw@do.example.com', /digitalocean-endpoint/],
  ['open-to', ['192.0.2.0'], /digitalocean-open-to/],
  ['open-port', ['70000'], /digitalocean-open-port/],
  ['vpc', '../x', /digitalocean-vpc/],
  ['ssh-port', 70_000, /at most 65535/],
  ['image', 'a/b', /digitalocean-image/],
  ['backups', 'yes', /digitalocean-backups/],
] as const) {
  test(`--digitalocean-${flag} ${String(value)} is a usage error`, (t) => {
    const error = t.throws(() => configure({ [`digitalocean-${flag}`]: value }), { code: 'flag-invalid' });
    t.regex(error.message, message);
  });
}

/** As docker-machine 0.16 and rancher-machine write them. */
const dockerMachine = {
  ...{ IPAddress: '192.0.2.7', MachineName: 'old', SSHUser: 'root', SSHPort: 22, SSHKeyPath: '/k' },
  ...{ StorePath: '/s', SwarmMaster: false, SwarmHost: 'tcp://0.0.0.0:3376', SwarmDiscovery: '' },
  ...{ AccessToken: 'tok', DropletID: 3_164_444, DropletName: '', Image: 'ubuntu-16-04-x64', Region: 'nyc3' },
  ...{
    SSHKeyID: 512_189,
    SSHKeyFingerprint: '',
    SSHKey: '',
    Size: 's-1vcpu-1gb',
    IPv6: false,
    Backups: false,
  },
  ...{ PrivateNetworking: true, UserDataFile: '', Monitoring: false, Tags: 'a,b' },
};
const rancher = { ...dockerMachine, IPv6Address: '', PrivateIPAddress: '10.116.0.2' };

test("records of docker-machine's and rancher's are read, whatever the case of their keys", (t) => {
  for (const record of [dockerMachine, rancher]) {
    const lower = Object.fromEntries(
      Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]),
    );
    const config = readConfig(record);
    t.deepEqual(readConfig(lower), config);
    t.like(config, { dropletId: 3_164_444, keyId: 512_189, accessToken: 'tok', address: '192.0.2.7' });
  }
  t.is(readConfig(rancher).privateAddress, '10.116.0.2');
  t.is(readConfig({ Tags: null, DropletID: null }).dropletId, 0);
  for (const wrong of [
    { DropletID: -1 },
    { DropletID: '1' },
    { IPAddress: 'x' },
    { Region: '../' },
    { IPv6: 1 },
  ]) {
    t.throws(() => readConfig(wrong), { code: 'record-invalid' });
  }
});

test('states of droplets', (t) => {
  const config = readConfig(dockerMachine);
  const networks = {
    v4: [
      { ip_address: '192.0.2.7', type: 'public' },
      { ip_address: '10.0.0.2', type: 'private' },
    ],
  };
  const powerOf = (status: string) =>
    statusOf(dropletOf({ id: 1, status, networks }), config, { usesPrivateAddress: false }).power;
  t.deepEqual(['new', 'active', 'off', 'archive', 'melted'].map(powerOf), [
    ...['starting', 'running', 'stopped', 'stopped', 'error'],
  ]);
  t.is(statusOf(undefined, config, { usesPrivateAddress: false }).power, 'absent');
  const active = dropletOf({ id: 1, status: 'active', networks });
  t.is(statusOf(active, config, { usesPrivateAddress: false }).engineUrl, 'tcp://192.0.2.7:2376');
  t.is(statusOf(active, config, { usesPrivateAddress: true }).address, '10.0.0.2');
  t.is(recallStatus(config)?.address, '192.0.2.7');
  t.is(recallStatus({ ...config, dropletId: 0 }), undefined);
});

test('what is no droplet is none, whatever it is', (t) => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      t.true(typeof (dropletOf(value)?.id ?? 0) === 'number');
    }),
    { seed: 1 },
  );
  t.is(dropletOf({ id: 0, status: 'new' }), undefined);
  t.is(dropletOf({ id: '7', status: 'new' }), undefined);
});

test('names of keys and firewalls tell whose they are', (t) => {
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$/);
  fc.assert(
    fc.property(name, fc.uuid({ version: 4 }), fc.uuid({ version: 4 }), (machineName, machineId, storeId) => {
      const written = ownName({ machineId, storeId }, machineName);
      t.regex(written, /^[a-zA-Z0-9][a-zA-Z0-9.-]+$/);
      t.deepEqual(readOwnName(written), { machineName, machineId, storeId });
    }),
    { seed: 1 },
  );
  t.is(readOwnName('tsmachine-dev'), undefined);
  t.is(readOwnName('dev'), undefined);
});

test('tags that nothing but a machine has are known again', (t) => {
  const { machineId, storeId } = own;
  const tags = ownTags({ machineId, expiresMs: Date.UTC(2031, 1, 3) });
  t.is(tags.length, 2);
  t.true(tags.every((tag) => isOwnTag(tag, machineId)));
  t.false(tags.some((tag) => isOwnTag(tag, storeId)));
  t.deepEqual(
    dropletTags(own, 'web').filter((tag) => isOwnTag(tag, machineId)),
    [`tsmachine-id:${machineId}`],
  );
});

test('names of images tell whose they are, and when they are finished what is in them', (t) => {
  const order = { name: 'ci-1', system: 'Ubuntu 24.04.2 LTS', engineVersion: '28.0.4' };
  const { machineId, storeId } = own;
  const said = { name: 'ci-1', machineId };
  t.deepEqual(readImageName(ownName(own, 'ci-1')), { storeId, said: { ...said, isFinished: false } });
  t.deepEqual(readImageName(finishedImageName(own, order)), {
    storeId,
    said: { ...said, isFinished: true, system: order.system, engineVersion: order.engineVersion },
  });
  for (const name of ['golden', `${ownName(own, 'ci-1')} old`, 'web-1 Docker 28.0.4 on Ubuntu 24.04']) {
    t.is(readImageName(name), undefined, name);
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (system, engineVersion) => {
      const name = finishedImageName(own, { name: 'a'.repeat(40), system, engineVersion });
      return /^[\w .()+-]{1,255}$/.test(name) && readImageName(name)?.said.isFinished === true;
    }),
    { seed: 7 },
  );
});

test('tags: what is told comes back, and the limits of their form', (t) => {
  t.deepEqual(splitTags(' a, ,b:c,'), ['a', 'b:c']);
  t.true(isTag('a'.repeat(255)));
  t.false(isTag('a'.repeat(256)));
  t.false(isTag('a.b'));
  const expiresMs = Date.UTC(2026, 0, 31, 23, 59, 59);
  const tags = dropletTags({ ...own, expiresMs }, 'web,web');
  t.true(tags.every(isTag), tags.join(' '));
  t.is(tags.filter((tag) => tag === 'web').length, 1);
  t.deepEqual(readDropletTags(tags), { machineId: own.machineId, expiresMs });
  t.deepEqual(readDropletTags(['tsmachine-expires:soon']), {});
});

test('the newest LTS of a region', (t) => {
  const image = (slug: string, regions = ['nyc3'], status = 'available') =>
    imageOf({ id: 1, slug, regions, status });
  const images = [
    image('ubuntu-22-04-x64'),
    image('ubuntu-24-04-x64'),
    image('ubuntu-25-04-x64'),
    image('ubuntu-24-10-x64'),
    image('ubuntu-26-04-x64', ['ams3']),
    image('ubuntu-28-04-x64', ['nyc3'], 'retired'),
    image('gpu-ubuntu-30-04-x64'),
    image('debian-12-x64'),
  ].flatMap((one) => one ?? []);
  t.is(newestLts(images, 'nyc3')?.slug, 'ubuntu-24-04-x64');
  t.is(newestLts(images, 'ams3')?.slug, 'ubuntu-26-04-x64');
  t.is(newestLts(images, 'fra1'), undefined);
});

test('the fingerprint of a key, as ssh-keygen -E md5 tells it', (t) => {
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILAMzoCjojn5chrk0BeUnQwCxy+gHDE97lwzvhKfj0H7 ann@laptop';
  t.is(fingerprintOf(line), '3b:06:ed:96:b0:6d:01:5b:7d:62:9a:70:c2:d5:f5:a6');
});

test('user data has a limit', (t) => {
  const config = readConfig(dockerMachine);
  const details = { name: 'dev', tags: [], vpc: '' };
  const longest = 'x'.repeat(65_536);
  t.is(dropletBody(config, { ...details, userData: longest })['user_data'], longest);
  t.throws(() => dropletBody(config, { ...details, userData: `${longest.slice(1)}é` }), {
    code: 'flag-invalid',
  });
});

test('where the API is', (t) => {
  t.is(baseUrlOf(''), 'https://api.digitalocean.com/v2');
  t.is(baseUrlOf('http://127.0.0.1:8080/'), 'http://127.0.0.1:8080/v2');
  t.is(baseUrlOf('https://do.example.com/v2/'), 'https://do.example.com/v2');
  t.true(['https://do.example.com', 'http://localhost:1', 'http://[::1]:1/x'].every(isApiUrl));
  t.false(
    ['http://do.example.com', 'http://127.0.0.1.example.com', 'ftp://x', 'x', 'https://h?q'].some(isApiUrl),
  );
});

test('both forms of errors', (t) => {
  t.deepEqual(readError({ id: 'not_found', message: 'm' }), { code: 'not_found', message: 'm' });
  t.deepEqual(readError({ error: 'e', root_causes: [] }), { code: 'e', message: 'e' });
  t.is(readError({ droplet: {} }), undefined);
  t.is(readError('text'), undefined);
});

test("a record of docker-machine's is written back as it was", (t) => {
  const { SSHKeyPath, ...driver } = dockerMachine;
  const record = newRecord({
    ...{ storePath: '/s', name: 'old', driverName: 'digitalocean', driver, ipAddress: '192.0.2.7' },
    ...{ sshKeyPath: SSHKeyPath, engine: {}, swarm: {} },
  });
  const text = formatRecord(record);
  t.is(formatRecord(parseRecord(text, 'config.json')), text);
  t.true(text.includes('"DropletID": 3164444'));
  t.deepEqual(readConfig(parseRecord(text, 'config.json').Driver).dropletId, 3_164_444);
});
