import test from 'ava';
import { imageOf, sizesOf, virtualMachineOf, takenRules } from '../../../../src/drivers/azure/api/answers.ts';
import { apiVersionOf, parseId, pathOfId, splitNetwork } from '../../../../src/drivers/azure/api/ids.ts';
import { findCloud } from '../../../../src/drivers/azure/clouds.ts';
import { configure, readConfig } from '../../../../src/drivers/azure/config.ts';
import { statusOf } from '../../../../src/drivers/azure/inspect.ts';
import { placeOf } from '../../../../src/drivers/azure/place.ts';
import {
  imageBody,
  imageReference,
  machineBody,
  missingRules,
  wantedRules,
} from '../../../../src/drivers/azure/requests.ts';

const subscription = '11111111-2222-4333-8444-555555555555';
const needed = { 'azure-subscription-id': subscription };

/** As docker-machine 0.16 writes it. */
const ofDockerMachine = {
  IPAddress: '192.0.2.7',
  MachineName: 'dev',
  SSHUser: 'docker-user',
  SSHPort: 22,
  ClientID: 'id',
  ClientSecret: 'secret',
  Environment: 'AzurePublicCloud',
  SubscriptionID: subscription,
  ResourceGroup: 'docker-machine',
  DockerPort: 2376,
  Location: 'westus',
  Size: 'Standard_A2',
  Image: 'canonical:UbuntuServer:16.04.0-LTS:latest',
  VirtualNetwork: 'nets:docker-machine-vnet',
  SubnetName: 'docker-machine',
  SubnetPrefix: '192.168.0.0/16',
  AvailabilitySet: 'docker-machine',
  StorageType: 'Standard_LRS',
  OpenPorts: null,
  PrivateIPAddr: '',
  UsePrivateIP: false,
  NoPublicIP: false,
  DNSLabel: '',
  StaticPublicIP: false,
  CustomDataFile: '',
};

test('records of docker-machine', (t) => {
  t.like(readConfig(ofDockerMachine), {
    address: '192.0.2.7',
    clientSecret: 'secret',
    network: 'nets:docker-machine-vnet',
    openPorts: [],
    availabilitySet: 'docker-machine',
    tags: {},
    diskSizeGiB: 30,
  });
});

test('records of rancher, in any case of the keys', (t) => {
  const ofRancher = {
    ...ofDockerMachine,
    TenantID: 'contoso.onmicrosoft.com',
    NSG: `/subscriptions/${subscription}/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n`,
    Plan: 'a:b:c',
    ManagedDisks: true,
    FaultCount: 2,
    UpdateCount: 4,
    disksize: 40,
    Tags: { team: 'blue', none: null },
    AcceleratedNetworking: true,
    AvailabilityZone: '2',
    EnablePublicIPStandardSKU: true,
  };
  t.like(readConfig(ofRancher), {
    tenantId: 'contoso.onmicrosoft.com',
    faultDomainCount: 2,
    updateDomainCount: 4,
    diskSizeGiB: 40,
    tags: { team: 'blue', none: '' },
    isAccelerated: true,
    zone: '2',
  });
});

for (const [key, value] of [
  ['SubscriptionID', 'x/../y'],
  ['ResourceGroup', '../other'],
  ['VirtualNetwork', 'a:b:c/d'],
  ['NSG', '/etc/passwd'],
  ['Location', 'west/us'],
  ['IPAddress', 'example.com'],
  ['Tags', ['a']],
  ['SubnetPrefix', '1.2.3.4'],
  ['Environment', 'Elsewhere'],
] as const) {
  test(`a record is refused in which ${key} cannot be`, (t) => {
    t.throws(() => readConfig({ ...ofDockerMachine, [key]: value }), { code: 'record-invalid' });
  });
}

test('flags become the keys of docker-machine and rancher', (t) => {
  const { config, state, common } = configure({
    ...needed,
    'azure-tags': 'team,blue,cost,7',
    'azure-vnet': 'nets:office',
    'azure-no-public-ip': true,
    'azure-spot': true,
  });
  t.like(config, {
    SubscriptionID: subscription,
    ResourceGroup: 'docker-machine',
    Location: 'westus',
    Size: 'Standard_B2s',
    Image: '',
    VirtualNetwork: 'nets:office',
    Tags: { team: 'blue', cost: '7' },
    NoPublicIP: true,
    StaticPublicIP: false,
    ManagedDisks: true,
  });
  t.like(state, { isMadeHere: true, isSpot: true, spotFallback: 'none' });
  t.deepEqual(common, { sshUser: 'docker-user', sshPort: 22 });
  t.true(readConfig(config).usesPrivateAddress);
});

for (const [values, message] of [
  [{}, 'azure driver requires the "azure-subscription-id" option.'],
  [{ ...needed, 'azure-location': '' }, 'azure driver requires the "azure-location" option.'],
  [{ ...needed, 'azure-subnet-prefix': '10.0.0.0' }, /-azure-subnet-prefix/],
  [{ ...needed, 'azure-endpoint': 'http://azure.example' }, /-azure-endpoint/],
  [{ ...needed, 'azure-endpoint': 'http://127.0.0.1.example' }, /-azure-endpoint/],
  [{ ...needed, 'azure-tags': 'a<b,c' }, /-azure-tags/],
  [{ ...needed, 'azure-availability-set': 's', 'azure-availability-zone': '1' }, /exclude each other/],
  [{ ...needed, 'azure-availability-set': 's', 'azure-spot': true }, /exclude each other/],
  [{ ...needed, 'azure-spot-fallback': 'maybe' }, /-azure-spot-fallback/],
  [{ ...needed, 'azure-open-to': ['example.com'] }, /-azure-open-to/],
] as const) {
  test(`flags that cannot work: ${JSON.stringify(values)}`, (t) => {
    t.throws(() => configure(values), { code: 'flag-invalid', message });
  });
}

test('clouds by their names in any case', (t) => {
  t.is(findCloud('AZURECHINACLOUD')?.management, 'https://management.chinacloudapi.cn');
  t.is(findCloud('AzureUSGovernment')?.login, 'https://login.microsoftonline.us');
  t.is(findCloud('constructor'), undefined);
});

test('each kind of resource has its version of the API', (t) => {
  const group = `/subscriptions/${subscription}/resourceGroups/microsoft.compute`;
  t.is(apiVersionOf(group), '2025-04-01');
  t.is(apiVersionOf(`${group}/resources`), '2025-04-01');
  t.is(apiVersionOf(`${group}/providers/Microsoft.Compute/virtualMachines/x/start`), '2025-04-01');
  t.is(apiVersionOf(`${group}/providers/Microsoft.Compute/disks/x`), '2025-01-02');
  t.is(apiVersionOf(`${group}/providers/Microsoft.Network/virtualNetworks/x/subnets/y`), '2025-07-01');
  t.is(apiVersionOf(`/subscriptions/${subscription}/providers/Microsoft.Compute/skus`), '2021-07-01');
  t.is(apiVersionOf(`/subscriptions/${subscription}/providers/Microsoft.Network`), '2025-04-01');
});

test('ids', (t) => {
  const id = `/subscriptions/${subscription}/resourceGroups/Größe/providers/Microsoft.Network/virtualNetworks/v`;
  t.deepEqual(parseId(id), { group: 'Größe', type: 'Microsoft.Network/virtualNetworks', name: 'v' });
  t.is(pathOfId(pathOfId(id)), pathOfId(id));
  t.throws(() => pathOfId('/subscriptions/x/../y'), { code: 'bug' });
  t.throws(() => pathOfId('https://elsewhere.example/'), { code: 'bug' });
  t.deepEqual(splitNetwork('a:b', 'own'), { group: 'a', name: 'b' });
  t.deepEqual(splitNetwork('b', 'own'), { group: 'own', name: 'b' });
});

test("the rules of a machine have docker-machine's names and priorities", (t) => {
  const rules = wantedRules({ enginePort: 2376, openPorts: ['80', '53/udp', '22', '80/tcp'] }, [
    '192.0.2.0/24',
    '198.51.100.1/32',
    '2001:db8::/32',
  ]);
  t.deepEqual(
    rules.map(({ name, properties }) => [
      name,
      properties.priority,
      properties.protocol,
      properties.destinationPortRange,
    ]),
    [
      ['SSHAllowAny', 100, 'Tcp', '22'],
      ['SSHAllowAny6', 101, 'Tcp', '22'],
      ['DockerAllowAny', 300, 'Tcp', '2376'],
      ['DockerAllowAny6', 301, 'Tcp', '2376'],
      ['Port80-TcpAllowAny', 1000, 'Tcp', '80'],
      ['Port80-TcpAllowAny6', 1001, 'Tcp', '80'],
      ['Port53-UdpAllowAny', 1002, 'Udp', '53'],
      ['Port53-UdpAllowAny6', 1003, 'Udp', '53'],
    ],
  );
  t.deepEqual(rules[0]?.properties.sourceAddressPrefixes, ['192.0.2.0/24', '198.51.100.1/32']);
  t.is(rules[1]?.properties.sourceAddressPrefix, '2001:db8::/32');
});

test('another port of the engine is open instead of the usual one', (t) => {
  const ports = (openPorts: readonly string[]): readonly string[] =>
    wantedRules({ enginePort: 2400, openPorts }, ['VirtualNetwork']).map(
      ({ properties }) => properties.destinationPortRange,
    );
  t.deepEqual(ports([]), ['22', '2400']);
  t.deepEqual(ports(['2376']), ['22', '2376', '2400']);
});

test('only what a group lacks is added, at priorities that are free', (t) => {
  const wanted = wantedRules({ enginePort: 2376, openPorts: [] }, ['192.0.2.1/32']);
  const group = (...rules: unknown[]): ReturnType<typeof takenRules> =>
    takenRules({ properties: { securityRules: rules } });
  t.deepEqual(missingRules(group(), wanted), wanted);
  const [ssh] = wanted;
  t.deepEqual(missingRules(group(ssh), wanted), wanted.slice(1));
  const theirs = { name: 'theirs', properties: { priority: 100, sourceAddressPrefix: '*' } };
  t.is(missingRules(group(theirs), wanted)[0]?.properties.priority, 101);
  const narrow = {
    name: 'sshallowany',
    properties: { priority: 140, sourceAddressPrefixes: ['10.0.0.0/8'] },
  };
  const [widened] = missingRules(group(narrow), wanted);
  t.like(widened, {
    name: 'sshallowany',
    properties: { priority: 140, sourceAddressPrefixes: ['10.0.0.0/8', '192.0.2.1/32'] },
  });
  const open = { name: 'SSHAllowAny', properties: { priority: 100, sourceAddressPrefix: '*' } };
  t.false(missingRules(group(open), wanted).some(({ name }) => name === 'SSHAllowAny'));
});

test('what an image and a size say of each other', (t) => {
  const id = `/subscriptions/${subscription}/resourceGroups/G/providers/Microsoft.Compute/images/ci-1`;
  const osDisk = { osType: 'Linux', osState: 'Generalized', diskSizeGB: 30 };
  const image = imageOf({
    ...{ id, name: 'ci-1', location: 'westus', tags: { 'TSMACHINE-OWNER': 'x' } },
    properties: { hyperVGeneration: 'V2', provisioningState: 'Succeeded', storageProfile: { osDisk } },
  });
  t.like(image, { generation: 'V2', diskGiB: 30, tags: { 'tsmachine-owner': 'x' } });
  // An old image tells of neither.
  t.deepEqual(imageOf({ id, name: 'ci-1', properties: { hyperVGeneration: null } }), {
    ...{ id, name: 'ci-1', location: '', tags: {} },
  });
  t.is(imageOf({ error: {} }), undefined);
  const size = (name: string, value?: string): unknown => ({
    ...{ resourceType: 'virtualMachines', name },
    capabilities: value === undefined ? [] : [{ name: 'HyperVGenerations', value }],
  });
  t.deepEqual(
    sizesOf([size('a', 'V1,V2'), size('b', 'V2'), size('c')]).map(({ generations }) => generations),
    [['V1', 'V2'], ['V2'], ['V1']],
  );
  t.deepEqual(imageBody({ location: 'westus' }, { a: 'b' }, { sourceId: id, generation: undefined }), {
    ...{ location: 'westus', tags: { a: 'b' } },
    properties: { sourceVirtualMachine: { id }, hyperVGeneration: undefined },
  });
});

test('images by name, id and gallery', (t) => {
  t.deepEqual(imageReference('a:b:c:latest'), { publisher: 'a', offer: 'b', sku: 'c', version: 'latest' });
  t.deepEqual(imageReference('/subscriptions/x/images/y'), { id: '/subscriptions/x/images/y' });
  t.deepEqual(imageReference('/CommunityGalleries/g/Images/i'), {
    communityGalleryImageId: '/CommunityGalleries/g/Images/i',
  });
});

test('more data than Azure takes is refused before it is sent', (t) => {
  const config = readConfig(configure(needed).config);
  const details = { name: 'dev', tags: {}, interfaceId: '/x', diskName: 'd', userKey: 'k', isSpot: false };
  const body = (length: number): unknown =>
    machineBody(config, { spotPrice: '' }, { ...details, userData: 'x'.repeat(length) });
  t.notThrows(() => body(65_535));
  t.throws(() => body(65_536), { code: 'flag-invalid' });
});

const states = [
  ['starting', 'starting'],
  ['running', 'running'],
  ['stopping', 'stopping'],
  ['stopped', 'stopped'],
  ['deallocating', 'stopping'],
  ['deallocated', 'stopped'],
  ['unknown', 'error'],
] as const;
for (const [ofAzure, ours] of states) {
  test(`the state ${ofAzure} is ${ours}`, (t) => {
    const machine = virtualMachineOf({
      id: '/x',
      name: 'dev',
      properties: {
        provisioningState: 'Succeeded',
        instanceView: {
          statuses: [{ code: 'ProvisioningState/succeeded' }, { code: `PowerState/${ofAzure}` }],
        },
      },
    });
    const config = readConfig(ofDockerMachine);
    t.is(machine === undefined ? undefined : statusOf(machine, config, undefined).power, ours);
  });
}

test('a machine that could not be made says why', (t) => {
  const machine = virtualMachineOf({
    id: '/x',
    name: 'dev',
    tags: { 'TSMachine-Id': '7' },
    properties: {
      provisioningState: 'Failed',
      instanceView: { statuses: [{ code: 'ProvisioningState/failed/AllocationFailed', message: 'no room' }] },
    },
  });
  t.is(machine?.tags['tsmachine-id'], '7', 'the case of names of tags does not count');
  t.is(machine?.trouble, 'no room');
});

test('the place of a machine leads back to where it is, as the same user, without a secret', (t) => {
  const given = {
    ...needed,
    'azure-environment': 'AzureUSGovernmentCloud',
    'azure-endpoint': 'https://stack.example/azure',
    'azure-tenant-id': 'contoso.onmicrosoft.com',
    'azure-client-id': 'me',
  };
  const { config, state = {} } = configure({
    ...given,
    'azure-client-secret': 's',
    'azure-size': 'Standard_X',
  });
  t.deepEqual(placeOf(readConfig(config), state), given);
});
