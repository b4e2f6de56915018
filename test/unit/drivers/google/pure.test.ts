import test from 'ava';
import fc from 'fast-check';
import { redactText } from '../../../../src/cloud/redact.ts';
import { machineTags, readTags } from '../../../../src/cloud/ownership.ts';
import { instanceOf, itemsOf, operationOf, readError } from '../../../../src/drivers/google/api/answers.ts';
import { lacksCloudInit } from '../../../../src/drivers/google/cloud-init.ts';
import { configure, readConfig, readState } from '../../../../src/drivers/google/config.ts';
import { planFirewall } from '../../../../src/drivers/google/firewall-plan.ts';
import { statusOf } from '../../../../src/drivers/google/inspect.ts';
import { insertBody } from '../../../../src/drivers/google/insert-request.ts';
import {
  describeTags,
  finishedLabel,
  hasNoCloudInit,
  labelProblem,
  labelsOfMachine,
  marksOfImage,
  readImageMarks,
  tagsOfDescription,
  tagsOfLabels,
} from '../../../../src/drivers/google/labels.ts';
import { manifest } from '../../../../src/drivers/google/manifest.ts';
import { pathOf, resourceName } from '../../../../src/drivers/google/names.ts';
import type { FlagValues } from '../../../../src/drivers/driver.ts';
import { descriptionMissing, readDescription } from '../../../support/api-check/described.ts';
import { discoveryChecks } from '../../../support/api-check/discovery.ts';

const own = {
  machineId: '11111111-1111-4111-8111-111111111111',
  storeId: '22222222-2222-4222-8222-222222222222',
};
const needed = { 'google-project': 'hotel-1' };

/** The body of the request for flags. */
function bodyFor(values: FlagValues): string {
  const { config, state = {} } = configure({ ...needed, ...values });
  const chosen = {
    networkPath: 'projects/hotel-1/global/networks/default',
    imageSizeGb: 12,
    firewallTag: 'tag',
  };
  const read = readConfig({ ...config, MachineImage: 'p/global/images/i' });
  return JSON.stringify(
    insertBody(read, readState({ ...state, ...chosen, externalAddress: values['google-address'] ?? '' }), {
      name: 'dev',
      labels: labelsOfMachine(own, { name: 'dev', userLabels: read.labels, nowMs: 0, firewallTag: 'tag' }),
      userKey: 'ssh-ed25519 AAAA dev',
      userData: undefined,
      hasDisk: false,
    }),
  );
}

const requests: readonly (readonly [string, FlagValues[string], RegExp])[] = [
  ['address', '203.0.113.9', /"natIP":"203\.0\.113\.9"/],
  [
    'accelerator',
    ['count=2,type=nvidia-l4'],
    /"acceleratorTypes?.*nvidia-l4","acceleratorCount":2.*"onHostMaintenance":"TERMINATE"/,
  ],
  ['disk-size', 40, /"diskSizeGb":"40"/],
  ['disk-type', 'pd-ssd', /diskTypes\/pd-ssd"/],
  ['machine-type', 'n2-standard-4', /machineTypes\/n2-standard-4"/],
  ['maintenance-policy', 'migrate', /"onHostMaintenance":"MIGRATE"/],
  ['metadata', ['a=b=c'], /\{"key":"a","value":"b=c"\}/],
  ['metadata', ['enable-oslogin=TRUE'], /^(?!.*"FALSE")/],
  ['min-cpu-platform', 'Intel Ice Lake', /"minCpuPlatform":"Intel Ice Lake"/],
  ['preemptible', true, /"provisioningModel":"SPOT".*"instanceTerminationAction":"STOP"/],
  [
    'scopes',
    'https://a.test/x, https://a.test/y',
    /"scopes":\["https:\/\/a\.test\/x","https:\/\/a\.test\/y"\]/,
  ],
  ['service-account', 'porter@hotel.test', /"email":"porter@hotel\.test"/],
  ['service-account', 'none', /^(?!.*serviceAccounts)/],
  ['tags', 'web,db', /"items":\["web","db","tag"\]/],
  ['use-internal-ip-only', true, /^(?!.*accessConfigs)/],
  ['username', 'ann', /^/],
  ['vm-labels', 'team,blue', /"team":"blue"/],
  ['zone', 'europe-west1-b', /zones\/europe-west1-b\/machineTypes/],
];
for (const [flag, value, wanted] of requests) {
  test(`--google-${flag} ${JSON.stringify(value)} is in the request`, (t) => {
    t.regex(bodyFor({ [`google-${flag}`]: value }), wanted);
  });
}

for (const [flag, value] of [
  ['accelerator', ['type=']],
  ['address', '999.1'],
  ['disk-size', 0],
  ['endpoint', 'ftp://x'],
  ['machine-image', '../x'],
  ['maintenance-policy', 'maybe'],
  ['metadata', ['user-data=x']],
  ['open-port', ['http']],
  ['open-to', ['everywhere']],
  ['project', 'a/b'],
  ['tags', 'Not_a_tag'],
  ['username', 'a b'],
  ['vm-labels', 'Team,Blue'],
  ['zone', '../zone'],
] as const) {
  test(`--google-${flag} ${JSON.stringify(value)} is refused`, (t) => {
    t.throws(() => configure({ ...needed, [`google-${flag}`]: value }), { code: 'flag-invalid' });
  });
}

test('without a project docker-machine said the same', (t) => {
  t.throws(() => configure({}), { message: 'no Google Cloud Project name specified (--google-project)' });
});

test('images in all their forms', (t) => {
  const imageOf = (image: string): unknown =>
    configure({ ...needed, 'google-machine-image': image }).config['MachineImage'];
  const path = 'debian-cloud/global/images/family/debian-12';
  t.is(imageOf(path), path);
  t.is(imageOf(`projects/${path}`), path);
  t.is(imageOf(`https://www.googleapis.com/compute/v1/projects/${path}`), path);
  t.is(imageOf('mine-1'), 'hotel-1/global/images/mine-1');
});

test('flags of docker-machine, rancher and GitLab, each with its variable', (t) => {
  const names = new Set(manifest.flags.map(({ name }) => name));
  const theirs =
    'address disk-size disk-type machine-image machine-type network open-port preemptible project scopes service-account subnetwork tags use-existing use-internal-ip use-internal-ip-only username zone auth-encoded-json external-firewall-rule-prefix internal-firewall-rule-prefix userdata vm-labels accelerator maintenance-policy metadata min-cpu-platform';
  t.deepEqual(
    theirs.split(' ').filter((name) => !names.has(`google-${name}`)),
    [],
  );
});

test('records of docker-machine and of rancher are read', (t) => {
  const machine = {
    ...{
      IPAddress: '192.0.2.7',
      MachineName: 'dev',
      SSHUser: 'docker-user',
      SSHPort: 22,
      Zone: 'us-central1-a',
    },
    ...{
      MachineType: 'n1-standard-1',
      MachineImage: 'ubuntu-os-cloud/global/images/ubuntu-1604-xenial-v20170721',
    },
    ...{ DiskType: 'pd-standard', Address: '', Network: 'default', Subnetwork: '', Preemptible: false },
    ...{
      UseInternalIP: false,
      UseInternalIPOnly: false,
      ServiceAccount: 'default',
      Scopes: 'a,b',
      DiskSize: 10,
    },
    ...{ Project: 'hotel-1', Tags: '', UseExisting: false, OpenPorts: null },
  };
  const read = readConfig(machine);
  t.is(read.ipAddress, '192.0.2.7');
  t.is(read.diskType, 'pd-standard');
  t.deepEqual(read.openPorts, []);
  t.false(readState({}).isOurs);
  const rancher = readConfig({
    ...{ project: 'hotel-1', ZONE: 'europe-west1-b', Auth: 'e30=', Labels: 'a,b', Userdata: '/u' },
    ...{ ExternalFirewallRulePrefix: 'ext', InternalFirewallRulePrefix: '', OpenPorts: ['80/tcp'] },
  });
  t.is(rancher.zone, 'europe-west1-b');
  t.is(rancher.credentials, 'e30=');
  t.is(rancher.serviceAccount, 'default');
  t.throws(() => readConfig({ ...machine, Project: 'a/../b' }), { code: 'record-invalid' });
  t.throws(() => readConfig({ ...machine, IPAddress: 'x' }), { code: 'record-invalid' });
});

test('labels keep whose a machine is, and times lose nothing but parts of a second', (t) => {
  const nowMs = Date.UTC(2026, 0, 31, 23, 59, 59);
  const name = 'd'.repeat(58);
  const labels = labelsOfMachine(
    { ...own, expiresMs: nowMs + 60_000 },
    { name, userLabels: 'tsmachine-id,x', nowMs, firewallTag: '' },
  );
  t.is(labels['tsmachine-created'], '20260131t235959z');
  t.is(labels['tsmachine-id'], own.machineId);
  for (const [key, value] of Object.entries(labels)) {
    t.is(labelProblem(`${key},${value}`), undefined);
  }
  t.deepEqual(readTags(tagsOfLabels(labels)), {
    machineId: own.machineId,
    createdMs: nowMs,
    expiresMs: nowMs + 60_000,
  });
  const tags = machineTags(own, 'dev', nowMs);
  t.deepEqual(tagsOfDescription(describeTags(tags)), tags);
  t.is(labelProblem(`${'k'.repeat(63)},${'v'.repeat(63)}`), undefined);
  t.not(labelProblem(`k,${'v'.repeat(64)}`), undefined);
});

test('marks of an image say what is in it, and are labels that Google takes', (t) => {
  const nowMs = Date.UTC(2026, 0, 31, 23, 59, 59);
  const order = { name: 'ci-1', system: 'Ubuntu 24.04.2 LTS', engineVersion: '28.0.4' };
  const { labels, description } = marksOfImage(own, order, { nowMs, lacksCloudInit: false });
  for (const [key, value] of Object.entries({ ...labels, ...finishedLabel(nowMs) })) {
    t.is(labelProblem(`${key},${value}`), undefined);
  }
  const told = { ...order, machineId: own.machineId, createdMs: nowMs };
  t.deepEqual(readImageMarks(labels, description), { ...told, isFinished: false });
  t.true(readImageMarks({ ...labels, ...finishedLabel(nowMs) }, description).isFinished);
  // Nobody makes a foreign image ours by its description.
  t.false(readImageMarks({}, 'tsmachine-baked=1 tsmachine-id=x').isFinished);
  t.false(hasNoCloudInit(labels));
  t.true(hasNoCloudInit(marksOfImage(own, order, { nowMs, lacksCloudInit: true }).labels));
});

test('images without cloud-init, and those that were baked of them', (t) => {
  const lacks = (image: string, imageLacksCloudInit = false): boolean =>
    lacksCloudInit({ image }, { imageLacksCloudInit });
  t.false(lacks('ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20261101'));
  t.true(lacks('debian-cloud/global/images/family/debian-12'));
  t.false(lacks('hotel-1/global/images/ci-1-11111111'));
  t.true(lacks('hotel-1/global/images/ci-1-11111111', true));
});

const network = 'projects/hotel-1/global/networks/default';

test('rules of the same settings have the same name, and others have another', (t) => {
  const plan = (
    values: FlagValues,
    ranges: readonly [string, ...string[]],
    storeId = own.storeId,
  ): ReturnType<typeof planFirewall> =>
    planFirewall(readConfig(configure({ ...needed, ...values }).config), {
      storeId,
      networkPath: network,
      ranges,
    });
  const base = plan({}, ['192.0.2.0/24', '198.51.100.0/24']);
  t.deepEqual(base, plan({}, ['198.51.100.0/24', '192.0.2.0/24']));
  t.not(base.tag, plan({}, ['192.0.2.0/24']).tag);
  t.not(base.tag, plan({ 'google-open-port': ['80'] }, ['192.0.2.0/24', '198.51.100.0/24']).tag);
  t.not(base.tag, plan({}, ['192.0.2.0/24', '198.51.100.0/24'], own.machineId).tag);
  const [v4, v6] = plan({ 'google-open-port': ['53/udp', '80'] }, ['192.0.2.0/24', '2001:db8::/32']).rules;
  t.deepEqual(v4?.sourceRanges, ['192.0.2.0/24']);
  t.deepEqual(v6?.sourceRanges, ['2001:db8::/32']);
  t.deepEqual(v4?.allowed, [
    { IPProtocol: 'tcp', ports: ['22', '80', '2376'] },
    { IPProtocol: 'udp', ports: ['53'] },
  ]);
});

test('names of rules are names that Google takes, whatever their prefix', (t) => {
  const prefix = fc.stringMatching(/^[a-z](?:[-a-z0-9]{0,20}[a-z0-9])?$/);
  fc.assert(
    fc.property(prefix, prefix, fc.uuid(), (external, internal, storeId) => {
      const flags = {
        'google-external-firewall-rule-prefix': external,
        'google-internal-firewall-rule-prefix': internal,
      };
      const config = readConfig(configure({ ...needed, ...flags }).config);
      const { rules } = planFirewall(config, {
        storeId,
        networkPath: network,
        ranges: ['192.0.2.0/24', '2001:db8::/32'],
      });
      t.true(rules.length === 3 && rules.every(({ name }) => resourceName.test(name)));
    }),
    { seed: 1 },
  );
});

test('states of instances', (t) => {
  const config = readConfig(configure(needed).config);
  const power = (status: string): string => {
    const nic = { networkIP: '10.0.0.2', accessConfigs: [{ natIP: '192.0.2.7' }] };
    const instance = instanceOf({
      id: '1',
      name: 'dev',
      status,
      networkInterfaces: [nic],
      zone: 'https://x/zones/z',
    });
    return instance === undefined ? '' : statusOf(instance, config).power;
  };
  t.deepEqual(
    'PROVISIONING STAGING REPAIRING RUNNING STOPPING SUSPENDING DEPROVISIONING STOPPED TERMINATED SUSPENDED ODD'
      .split(' ')
      .map(power)
      .join(' '),
    'starting starting starting running stopping stopping stopping stopped stopped saved error',
  );
});

test('answers: errors, operations, lists by zone; what is not so is absent', (t) => {
  const error = {
    code: 403,
    message: 'Rate',
    errors: [{ reason: 'rateLimitExceeded' }],
    status: 'PERMISSION_DENIED',
  };
  t.deepEqual(readError({ error }), { code: 'rateLimitExceeded', message: 'Rate' });
  t.deepEqual(readError({ error: { ...error, errors: undefined } })?.code, 'PERMISSION_DENIED');
  t.is(readError('<html>'), undefined);
  const failed = {
    name: 'operation-1',
    status: 'DONE',
    error: { errors: [{ code: 'QUOTA_EXCEEDED', message: 'no' }] },
  };
  t.deepEqual(operationOf(failed)?.error, { code: 'QUOTA_EXCEEDED', message: 'no' });
  t.is(operationOf({ name: '../x', status: 'DONE' }), undefined);
  t.deepEqual(
    itemsOf({ items: { 'zones/a': { instances: [1] }, 'zones/b': { warning: { code: 'x' } } } }, true),
    [1],
  );
  t.is(
    pathOf('https://www.googleapis.com/compute/v1/projects/p/global/networks/n'),
    'projects/p/global/networks/n',
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      for (const read of [instanceOf, operationOf, readError]) {
        t.notThrows(() => read(value));
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});

test('neither user data nor what asks for tokens is shown', (t) => {
  for (const text of [
    JSON.stringify({ metadata: { items: [{ key: 'user-data', value: 'a "SECRET" b' }] } }),
    '{"value": "SECRET", "key": "user-data"}',
    'grant_type=x&assertion=SECRET',
    '{"private_key":"SECRET"}',
    '{"access_token":"SECRET"}',
    '{"accessToken":"SECRET"}',
    'client_secret=SECRET&refresh_token=SECRET&subject_token=SECRET',
  ]) {
    t.notRegex(redactText(text), /SECRET/, text);
  }
  t.regex(redactText('{"key":"ssh-keys","value":"shown"}'), /shown/);
});

const file = 'google-compute.v1.discovery.json.gz';

test('the check by the description refuses what it must', (t) => {
  const missing = descriptionMissing(file);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const { request } = discoveryChecks(readDescription(file));
  const at = '/compute/v1/projects/p/zones/z/instances';
  const send = (method: string, path: string, body?: unknown, query = ''): readonly string[] =>
    request({
      method,
      path,
      query: new URLSearchParams(query),
      body: body === undefined ? '' : JSON.stringify(body),
    });
  t.deepEqual(send('POST', at, { name: 'dev', labels: { a: 'b' } }, 'requestId=1'), []);
  t.deepEqual(send('POST', at, JSON.parse(bodyFor({}))), []);
  for (const wrong of [
    send('POST', at, { name: 'M_a' }),
    send('POST', at, {}),
    send('POST', at, { name: 'dev', label: {} }),
    send('POST', at, { name: 'dev', disks: [{ diskSizeGb: 10 }] }),
    send('POST', at),
    send('POST', at, { name: 'dev' }, 'requestid=1'),
    send('POST', `${at}/dev/start`, { a: 1 }),
    send('GET', `${at}s`),
    send('PUT', at),
  ]) {
    t.not(wrong.length, 0);
  }
});
