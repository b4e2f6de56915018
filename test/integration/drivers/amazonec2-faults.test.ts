import test, { type ExecutionContext } from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { makeEc2Machine, type Ec2Machine } from '../../fakes/ec2-machine.ts';
import {
  ec2Error,
  startEc2Proxy,
  type Ec2Proxy,
  type Fault,
} from '../../support/loopback-cloud/ec2-proxy.ts';
import { nothing, restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { motoMissing, startMoto, type Moto } from '../../support/loopback-cloud/moto.ts';

// What goes wrong between here and EC2: create, then remove, and in the end moto itself says that nothing is left. One
// account, one machine after the other. Waiting takes no time.

const missing = motoMissing();
const world: { moto?: Moto } = {};

interface Scene {
  readonly proxy: Ec2Proxy;
  readonly make: (options?: Partial<Parameters<typeof makeEc2Machine>[0]>) => Ec2Machine;
  readonly rests: () => ReturnType<typeof restsOf>;
}

test.before(async (t) => {
  t.timeout(120_000);
  if (missing === undefined) {
    world.moto = await startMoto();
  }
});

test.after.always(async () => {
  await world.moto?.stop();
});

function declare(title: string, body: (t: ExecutionContext, scene: Scene) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(240_000);
    const { moto } = world;
    if (moto === undefined) {
      t.log(`skipped: ${missing ?? ''}`);
      t.pass();
      return;
    }
    await moto.reset();
    const proxy = await startEc2Proxy(moto.url);
    try {
      const make: Scene['make'] = (options = {}) => makeEc2Machine({ endpoint: proxy.endpoint, ...options });
      const rests = (): ReturnType<typeof restsOf> => restsOf(moto.url);
      await body(t, { proxy, make, rests });
      t.deepEqual(await rests(), nothing, 'nothing is left');
    } finally {
      await proxy.close();
    }
  });
}

/** Everything of a create that is the driver's. */
async function create({ driver, context }: Ec2Machine): Promise<void> {
  for (const step of driver.steps(context)) {
    await step.run();
  }
  await driver.start(context);
}

/** @returns the error of ours, or undefined. */
async function tryCreate(t: ExecutionContext, machine: Ec2Machine): Promise<unknown> {
  try {
    await create(machine);
    return undefined;
  } catch (error) {
    t.true(isMachineError(error) && error.code !== 'bug', String(error));
    return error;
  }
}

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

declare('an instance type of arm64 gets an image of arm64', async (t, { make, proxy }) => {
  const machine = make({ values: { 'amazonec2-instance-type': 't4g.small' } });
  await create(machine);
  const run = proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  t.is(run?.get('ImageId'), 'ami-0bbbbbbbbbbbbbbb1');
  await machine.cleanup();
});

declare(
  'the answer to the call that makes the instance is lost: there is one instance',
  async (t, { make, proxy, rests }) => {
    const machine = make();
    let lost = 0;
    proxy.onRequest = ({ action }) => {
      if (action === 'RunInstances' && lost < 2) {
        lost += 1;
        return { kind: 'cut', when: 'after' };
      }
      return undefined;
    };
    await create(machine);
    t.is(lost, 2);
    t.is((await rests()).instances.length, 1);
    await machine.cleanup();
  },
);

declare(
  'the answer never comes: nothing is in the record, and rm finds the instance',
  async (t, { make, proxy, rests }) => {
    const machine = make();
    proxy.onRequest = ({ action }) =>
      action === 'RunInstances' ? { kind: 'cut', when: 'after' } : undefined;
    t.true(isMachineError(await tryCreate(t, machine)));
    t.is(machine.record()['InstanceId'], '');
    t.is((await rests()).instances.length, 1);
    await machine.cleanup();
  },
);

declare(
  'bursts of 503 and of RequestLimitExceeded slow it down and make nothing twice',
  async (t, { make, proxy, rests }) => {
    const machine = make();
    proxy.onRequest = ({ index }) => {
      if (index % 4 === 1) {
        return ec2Error(503, 'RequestLimitExceeded', { 'retry-after': '11' });
      }
      return index % 4 === 2 ? ec2Error(503, 'Unavailable') : undefined;
    };
    await create(machine);
    t.true(machine.host.clock.sleeps.filter((ms) => ms === 11_000).length > 3);
    t.is((await rests()).instances.length, 1);
    await machine.cleanup();
  },
);

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

/** Breaks the first call of a create, then the second, and so on until there are no more to break. */
async function breakEveryCall(
  t: ExecutionContext,
  scene: Scene,
  { fault, forever }: { readonly fault: Fault; readonly forever: boolean },
): Promise<void> {
  let created = 0;
  let at = 0;
  for (let broken = 1; broken > 0;) {
    at += 1;
    broken = 0;
    const machine = scene.make();
    const first = scene.proxy.requests.length;
    scene.proxy.onRequest = ({ index }) => {
      const isHit = forever ? index - first >= at : index - first === at;
      broken += isHit ? 1 : 0;
      return isHit ? fault : undefined;
    };
    const error = await tryCreate(t, machine);
    scene.proxy.onRequest = () => undefined;
    created += error === undefined ? 1 : 0;
    t.true((await scene.rests()).instances.length <= 1, `one instance at most: ${at}`);
    await machine.cleanup();
    t.deepEqual(await scene.rests(), nothing, `nothing is left: ${at}`);
  }
  t.log(`${at - 1} calls broken`);
  t.true(at > 12);
  t.is(created, forever ? 1 : at);
}

declare('500 once on each call: sent again, nothing twice', async (t, scene) => {
  await breakEveryCall(t, scene, { fault: ec2Error(500, 'InternalError'), forever: false });
});

declare('each answer is lost once', async (t, scene) => {
  await breakEveryCall(t, scene, { fault: { kind: 'cut', when: 'after' }, forever: false });
});

declare('500 for ever from each call on: an error, and rm leaves nothing', async (t, scene) => {
  await breakEveryCall(t, scene, { fault: ec2Error(500, 'InternalError'), forever: true });
});

for (const [what, body] of [
  ['a page of HTML', '<html><body>Welcome to the hotel</body></html>'],
  ['half an answer', '<RunInstancesResponse><instancesSet><item><instanceId>i-0'],
  ['nothing', ''],
] as const) {
  declare(`${what} instead of an answer is a clear error`, async (t, { make, proxy }) => {
    const machine = make();
    proxy.onRequest = () => ({ kind: 'answer', status: 200, body, headers: { 'content-type': 'text/html' } });
    const error = await tryCreate(t, machine);
    t.true(isMachineError(error) && error.code === 'request-failed', String(error));
    t.regex(String(error), /no answer to DescribeVpcs that can be read/);
    proxy.onRequest = () => undefined;
    await machine.cleanup();
  });
}

declare(
  'credentials end in the middle of rm: nothing is forgotten, and the next rm finishes',
  async (t, { make, proxy, rests }) => {
    const machine = make();
    await create(machine);
    proxy.onRequest = ({ action }) =>
      action === 'TerminateInstances' ? ec2Error(401, 'AuthFailure') : undefined;
    await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
    t.is((await rests()).instances.length, 1);
    t.not(machine.record()['InstanceId'], '');
    proxy.onRequest = () => undefined;
    await machine.cleanup();
  },
);

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
  t.is((await rests()).securityGroups.length, 1);
  await one.cleanup();
  t.deepEqual((await rests()).securityGroups, ['docker-machine']);
  t.is((await rests()).instances.length, 1);
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
  t.deepEqual((await rests()).keyPairs, ['dev']);
  t.is((await rests()).instances.length, 1);
  await theirs.cleanup();
});

declare('spot: one call, tagged, and cancelled with the instance', async (t, { make, proxy, rests }) => {
  const machine = make({ values: { 'amazonec2-request-spot-instance': true, 'amazonec2-spot-price': '' } });
  await create(machine);
  const run = proxy.requests.find(({ action }) => action === 'RunInstances')?.parameters;
  t.is(run?.get('InstanceMarketOptions.MarketType'), 'spot');
  t.is(run?.get('InstanceMarketOptions.SpotOptions.MaxPrice'), null);
  t.is(run?.get('TagSpecification.4.ResourceType'), 'spot-instances-request');
  t.is((await rests()).instances.length, 1);
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
