import { isMachineError } from '../../../src/core/errors.ts';
import { ec2Error, type Ec2Proxy, type Ec2Request } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Scenes, type Ec2Scene } from '../../support/loopback-cloud/ec2-scene.ts';
import type { Fault } from '../../support/loopback-cloud/fault-server.ts';
import { createIn as create, declareFaults, tryCreate } from '../../support/loopback-cloud/fault-suite.ts';

// What goes wrong between here and EC2. Moto itself says in the end that nothing is left.

const declare = ec2Scenes();

declareFaults<Ec2Request, Ec2Scene>(declare, {
  isCreate: ({ action }) => action === 'RunInstances',
  isRemoval: ({ action }) => action === 'TerminateInstances',
  error: (status, headers) =>
    ec2Error(status, status === 401 ? 'AuthFailure' : 'InternalError', { ...headers }),
  busy: [
    () => ec2Error(503, 'RequestLimitExceeded', { 'retry-after': '11' }),
    () => ec2Error(503, 'Unavailable'),
  ],
  instances: 'instances',
  callsMin: 12,
});

function actions({ requests }: Ec2Proxy): readonly string[] {
  return requests.map(({ action }) => action);
}

declare('the request that makes an instance has everything in it', async (t, { make, proxy }) => {
  const machine = make({ values: { 'amazonec2-tags': 'team,blue' } });
  await create(machine);
  const run = proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  const { machineId, storeId } = (await machine.context.provider?.ownership()) ?? {
    machineId: '?',
    storeId: '?',
  };
  const tags = [...(run ?? [])]
    .filter(([name]) => /^TagSpecification\.1\.Tag\.\d+\.Value$/.test(name))
    .map(([, value]) => value);
  t.true(
    [machineId, storeId, 'blue', 'dev'].every((value) => tags.includes(value)),
    tags.join(),
  );
  t.is(run?.get('ImageId'), 'ami-0aaaaaaaaaaaaaaa2');
  t.is(run?.get('MetadataOptions.HttpTokens'), 'required');
  t.is(run?.get('MetadataOptions.HttpPutResponseHopLimit'), '1');
  t.is(run?.get('BlockDeviceMapping.1.Ebs.Encrypted'), 'true');
  t.is(run?.get('BlockDeviceMapping.1.Ebs.VolumeType'), 'gp3');
  t.is(actions(proxy).filter((action) => action === 'CreateTags').length, 0);
  for (const { parameters } of proxy.requests.filter(
    ({ action }) => action === 'AuthorizeSecurityGroupIngress',
  )) {
    t.is(parameters.get('IpPermissions.1.IpRanges.1.CidrIp'), '198.18.0.0/15');
  }
  await machine.cleanup();
});

declare('a machine with an end says so in its tags, ends itself, and is gone then', async (t, scene) => {
  const expiresMs = Date.UTC(2030, 0, 2, 3, 4, 5);
  const machine = scene.make({ expiresMs });
  await create(machine);
  const run = scene.proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  t.is(run?.get('InstanceInitiatedShutdownBehavior'), 'terminate');
  t.true([...(run ?? [])].some(([, value]) => value === '2030-01-02T03:04:05.000Z'));
  const userData = Buffer.from(run?.get('UserData') ?? '', 'base64').toString();
  t.true(userData.includes('OnCalendar=2030-01-02 03:04:05 UTC'));
  const { storeId } = (await machine.context.provider?.ownership()) ?? { storeId: '?' };
  const owned = (await machine.driver.listOwned?.(machine.context, storeId)) ?? [];
  t.deepEqual([...new Set(owned.map(({ kind }) => kind))], ['instance', 'disk', 'key', 'group']);
  t.true(owned.filter(({ kind }) => kind !== 'group').every((each) => each.expiresMs === expiresMs));
  t.deepEqual(await machine.driver.listOwned?.(machine.context, 'somebody-else'), []);
  for (const resource of owned) {
    await machine.driver.removeOwned?.(machine.context, resource);
    // Again is success.
    await machine.driver.removeOwned?.(machine.context, resource);
  }
});

declare('an instance type of arm64 gets an image of arm64', async (t, { make, proxy }) => {
  const machine = make({ values: { 'amazonec2-instance-type': 't4g.small' } });
  await create(machine);
  const run = proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  t.is(run?.get('ImageId'), 'ami-0bbbbbbbbbbbbbbb1');
  await machine.cleanup();
});

declare(
  'an instance that nobody knows at first, and that is pending for long',
  async (t, { make, proxy }) => {
    const machine = make();
    Object.assign(proxy, { unknownAnswers: 6, pendingAnswers: 12 });
    await create(machine);
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
    await machine.cleanup();
  },
);

declare('an instance that never comes up ends with a time-out', async (t, { make, proxy }) => {
  const machine = make();
  proxy.pendingAnswers = Infinity;
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  proxy.pendingAnswers = 0;
  await machine.cleanup();
});

declare('credentials of another account do not make the instance forgotten', async (t, { make, proxy }) => {
  const machine = make();
  await create(machine);
  const elsewhere = machine.host.facts;
  Object.assign(elsewhere.env, { AWS_ACCESS_KEY_ID: 'other' });
  proxy.onRequest = ({ action, parameters }) => {
    if (action === 'DescribeSecurityGroups' && parameters.get('Filter.1.Value.1') === 'default') {
      const body =
        '<r><securityGroupInfo><item><ownerId>999999999999</ownerId><groupId>sg-1</groupId><groupName>default</groupName></item></securityGroupInfo></r>';
      return { kind: 'answer', status: 200, body };
    }
    return action === 'DescribeInstances'
      ? { kind: 'answer', status: 200, body: '<r><reservationSet/></r>' }
      : undefined;
  };
  const error = await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
  t.regex(error.message, /is in another account/);
  proxy.onRequest = () => undefined;
  await machine.cleanup();
});

declare('an instance that is terminated behind our back is absent, and rm succeeds', async (t, { make }) => {
  const machine = make();
  await create(machine);
  const { openWorld } = await import('../../../src/drivers/amazonec2/world.ts');
  const context = machine.context as Parameters<typeof openWorld>[0];
  const { ec2 } = await openWorld(context);
  await ec2.call('TerminateInstances', { InstanceId: [context.config.instanceId] });
  t.is((await machine.driver.inspect(machine.context)).power, 'absent');
  await machine.cleanup();
});

declare('two machines of a store share a group, which goes with the last', async (t, { make, rests }) => {
  const storeId = '00000000-0000-4000-8000-000000000001';
  const [one, two] = [make({ name: 'one', storeId }), make({ name: 'two', storeId })];
  await Promise.all([create(one), create(two)]);
  t.is((await rests())['securityGroups']?.length, 1);
  await one.cleanup();
  t.deepEqual((await rests())['securityGroups'], ['docker-machine']);
  t.is((await rests())['instances']?.length, 1);
  await two.cleanup();
});

declare("somebody else's key pair of the name is not taken and not removed", async (t, { make, rests }) => {
  const theirs = make();
  await create(theirs);
  const mine = make();
  const findings = await mine.driver.check(mine.context);
  t.true(findings.some(({ code }) => code === 'key-pair-exists'));
  const error = await tryCreate(t, mine);
  t.true(isMachineError(error) && error.code === 'cloud-conflict', String(error));
  await mine.cleanup();
  t.deepEqual((await rests())['keyPairs'], ['dev']);
  t.is((await rests())['instances']?.length, 1);
  await theirs.cleanup();
});

declare('spot: one call, tagged, and cancelled with the instance', async (t, { make, proxy, rests }) => {
  const machine = make({ values: { 'amazonec2-request-spot-instance': true, 'amazonec2-spot-price': '' } });
  await create(machine);
  const run = proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  t.is(run?.get('InstanceMarketOptions.MarketType'), 'spot');
  t.is(run?.get('InstanceMarketOptions.SpotOptions.MaxPrice'), null);
  t.is(run?.get('TagSpecification.4.ResourceType'), 'spot-instances-request');
  t.is((await rests())['instances']?.length, 1);
  await machine.cleanup();
});

declare('no spot instance to be had: one on demand, if that was asked for', async (t, { make, proxy }) => {
  const refuse = ({
    action,
    parameters,
  }: {
    action: string;
    parameters: URLSearchParams;
  }): Fault | undefined =>
    action === 'RunInstances' && parameters.has('InstanceMarketOptions.MarketType')
      ? ec2Error(500, 'InsufficientInstanceCapacity')
      : undefined;
  proxy.onRequest = refuse;
  const spot = { 'amazonec2-request-spot-instance': true };
  const patient = make({ values: { ...spot, 'amazonec2-spot-fallback': 'on-demand' } });
  await create(patient);
  t.true(patient.events.some((event) => event.type === 'warn' && event.message.includes('on demand')));
  await patient.cleanup();
  const strict = make({ values: spot });
  t.true(isMachineError(await tryCreate(t, strict)));
  await strict.cleanup();
});
