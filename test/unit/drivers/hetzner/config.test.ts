import test from 'ava';
import { configure, readConfig } from '../../../../src/drivers/hetzner/config.ts';
import { manifest } from '../../../../src/drivers/hetzner/manifest.ts';
import { serverRequest } from '../../../../src/drivers/hetzner/server-request.ts';
import { readState } from '../../../../src/drivers/hetzner/state.ts';

/** As docker-machine-driver-hetzner writes it. */
const record = {
  IPAddress: '203.0.113.7',
  MachineName: 'dev',
  SSHUser: 'root',
  SSHPort: 22,
  SSHKeyPath: '/home/ann/.docker/machine/machines/dev/id_rsa',
  StorePath: '/home/ann/.docker/machine',
  AccessToken: 'secret',
  Image: 'ubuntu-20.04',
  ImageID: 0,
  ImageArch: '',
  Type: 'cx11',
  Location: '',
  KeyID: 42,
  IsExistingKey: false,
  ServerID: 4711,
  Volumes: null,
  Networks: ['lan'],
  UsePrivateNetwork: false,
  DisablePublic4: false,
  DisablePublic6: true,
  PrimaryIPv4: '',
  PrimaryIPv6: '',
  Firewalls: null,
  ServerLabels: { team: 'blue' },
  AdditionalKeys: null,
  AdditionalKeyIDs: [43],
  WaitOnError: 0,
  WaitOnPolling: 1,
  WaitForRunningTimeout: 0,
};

test('the flags are those of docker-machine-driver-hetzner, with their variables, and four of ours', (t) => {
  const names = manifest.flags.map(({ name }) => name.replace('hetzner-', ''));
  t.is(names.length, 36);
  const envOf = (name: string): string | undefined =>
    manifest.flags.find((flag) => flag.name === `hetzner-${name}`)?.env;
  const special = {
    'server-type': 'HETZNER_TYPE',
    'server-location': 'HETZNER_LOCATION',
    'additional-key': 'HETZNER_ADDITIONAL_KEYS',
    'server-label': 'HETZNER_SERVER_LABELS',
    'key-label': 'HETZNER_KEY_LABELS',
    context: 'HCLOUD_CONTEXT',
    endpoint: 'HCLOUD_ENDPOINT',
  };
  for (const name of names) {
    const usual = `HETZNER_${name.toUpperCase().replaceAll('-', '_')}`;
    t.is(envOf(name), (special as Record<string, string>)[name] ?? usual, name);
  }
  t.deepEqual(
    manifest.flags.flatMap(({ name, secret }) => (secret === true ? [name] : [])),
    ['hetzner-api-token', 'hetzner-user-data'],
  );
});

test('a record of docker-machine is read, whatever the case of its keys', (t) => {
  const config = readConfig(record);
  t.like(config, { address: '203.0.113.7', accessToken: 'secret', serverId: 4711, keyId: 42, type: 'cx11' });
  t.deepEqual(config.additionalKeyIds, [43]);
  t.deepEqual(config.serverLabels, { team: 'blue' });
  t.deepEqual([config.volumes, config.networks, config.isIpv6Disabled], [[], ['lan'], true]);
  const lower = Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
  t.deepEqual(readConfig(lower), config);
});

test('a new record has the keys of docker-machine, and no others', (t) => {
  const { config } = configure({ 'hetzner-api-token': 'x' });
  const common = ['IPAddress', 'MachineName', 'SSHUser', 'SSHPort', 'SSHKeyPath', 'StorePath'];
  t.deepEqual(
    Object.keys(config).sort(),
    Object.keys(record)
      .filter((key) => !common.includes(key))
      .sort(),
  );
});

for (const [key, value] of [
  ['ServerID', '4711'],
  ['ServerID', -1],
  ['AdditionalKeyIDs', ['x']],
  ['ServerLabels', { a: 1 }],
  ['ServerLabels', ['a']],
  ['IPAddress', 'example.org'],
  ['Type', '../x'],
  ['Networks', 'lan'],
] as const) {
  test(`a record with ${key}=${JSON.stringify(value)} is refused`, (t) => {
    t.throws(() => readConfig({ ...record, [key]: value }), { code: 'record-invalid' });
  });
}

for (const [values, message] of [
  [{ 'hetzner-image': 'a', 'hetzner-image-id': '1' }, /image-id are mutually exclusive/],
  [{ 'hetzner-image-arch': 'arm', 'hetzner-image-id': '1' }, /image-id are mutually exclusive/],
  [{ 'hetzner-existing-key-id': '1' }, /also requires --hetzner-existing-key-path/],
  [{ 'hetzner-use-private-network': true }, /also requires --hetzner-networks/],
  [{ 'hetzner-disable-public': true }, /also requires --hetzner-networks/],
  [
    { 'hetzner-disable-public-4': true, 'hetzner-disable-public-ipv6': true },
    /also requires --hetzner-use-private-network/,
  ],
  [
    { 'hetzner-primary-ipv4': 'a', 'hetzner-disable-public-ipv4': true },
    /primary-ipv4 .* mutually exclusive/,
  ],
  [{ 'hetzner-primary-ipv6': 'a', 'hetzner-disable-public-6': true }, /primary-ipv6 .* mutually exclusive/],
  [{ 'hetzner-user-data': 'a', 'hetzner-user-data-file': 'b' }, /mutually exclusive/],
  [{ 'hetzner-placement-group': 'a', 'hetzner-auto-spread': true }, /mutually exclusive/],
  [{ 'hetzner-server-label': ['a'] }, /invalid value .* for flag -hetzner-server-label/],
  [{ 'hetzner-key-label': ['a=b c'] }, /invalid value/],
  [{ 'hetzner-image-arch': 'mips' }, /invalid value/],
  [{ 'hetzner-image-id': 'ubuntu' }, /invalid value/],
  [{ 'hetzner-open-to': ['anywhere'] }, /invalid value/],
  [{ 'hetzner-endpoint': 'ftp://x' }, /invalid value/],
  [{ 'hetzner-additional-key': ['x'] }, /invalid value/],
  [{ 'hetzner-wait-on-polling': 0 }, /must be at least 1/],
] as const) {
  test(`refused: ${JSON.stringify(values)}`, (t) => {
    t.throws(() => configure(values), { code: 'flag-invalid', message });
  });
}

test('without a public address the private network is used', (t) => {
  const { config } = configure({ 'hetzner-disable-public': true, 'hetzner-networks': ['1'] });
  t.like(config, { DisablePublic4: true, DisablePublic6: true, UsePrivateNetwork: true });
});

test('what Hetzner has no field for is left out of the request; too much user data is refused', (t) => {
  const config = readConfig({ ...record, Networks: null });
  const details = { name: 'dev', keyNames: ['dev'], firewallIds: [], groupId: 0, userData: '', labels: {} };
  t.deepEqual(JSON.parse(JSON.stringify(serverRequest(config, readState({ imageId: 7 }), details))), {
    name: 'dev',
    server_type: 'cx11',
    image: '7',
    ssh_keys: ['dev'],
    public_net: { enable_ipv4: true, enable_ipv6: false },
    user_data: '',
    labels: {},
  });
  t.notThrows(() => serverRequest(config, readState({}), { ...details, userData: 'x'.repeat(32_768) }));
  t.throws(() => serverRequest(config, readState({}), { ...details, userData: 'ä'.repeat(16_385) }), {
    code: 'flag-invalid',
    message: /too long for Hetzner/,
  });
});
