import test, { type ExecutionContext } from 'ava';
import { makeStore, type Outcome, type TestStore } from '../../support/cli.ts';
import { startHetznerCloud } from '../../support/loopback-cloud/hetzner-cloud.ts';
import { hetznerError } from '../../support/loopback-cloud/hetzner-things.ts';
import { ec2Env } from '../../support/loopback-cloud/ec2-records.ts';
import { restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import {
  createPretendedHosts,
  pretendedMissing,
  pretendedSshPort,
} from '../../support/loopback-cloud/pretended-hosts.ts';
import { createThrottle } from '../../support/loopback-cloud/throttle.ts';
import { startThrottledEc2, throttledEc2Missing } from '../../support/loopback-cloud/throttled-ec2.ts';

// Forty machines at once at clouds that turn away what is too much.

const count = 40;
const openTo = '198.18.0.0/15';

function requireSuccess(t: ExecutionContext, outcomes: readonly Outcome[]): void {
  for (const { code, stdout, stderr } of outcomes) {
    t.is(code, 0, `${stdout}\n${stderr}`);
  }
}

async function namesOf(store: TestStore): Promise<readonly string[]> {
  return (await store.tsmachine(['ls', '-q'])).stdout.trim().split('\n').sort();
}

const names = Array.from({ length: count }, (_, index) => `build-${index + 1}`).sort();
const tens = ['build-{1..10}', 'build-{11..20}', 'build-{21..30}', 'build-{31..40}'];

test.serial('EC2: forty machines in one process, with RequestLimitExceeded', async (t) => {
  t.timeout(600_000);
  const missing = await throttledEc2Missing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const [cloud, store] = [await startThrottledEc2({ burst: 20, perSecond: 8 }), await makeStore()];
  const { proxy, throttle, flags } = cloud;
  try {
    requireSuccess(t, [await store.tsmachine(['create', ...flags, 'build-{1..40}'], { env: ec2Env })]);
    t.log(`${proxy.requests.length} requests, ${throttle.refused} turned away`);
    t.deepEqual(await namesOf(store), names);
    const rests = await restsOf(cloud.moto.url);
    t.is(rests.instances.length, count);
    t.is(cloud.hosts.running.size, count);
    t.is(rests.securityGroups.length, 1);
    t.true(throttle.refused > 0);
    // What is the same for all is asked once a command.
    const offers = proxy.requests.filter(({ action }) => action === 'DescribeInstanceTypes');
    t.true(offers.length < count, `${offers.length}`);
  } finally {
    proxy.onRequest = () => undefined;
    await store.dispose();
    await cloud.close();
  }
});

test.serial('Hetzner: forty machines in four processes, with 429 and Retry-After', async (t) => {
  t.timeout(600_000);
  const missing = await pretendedMissing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const [cloud, store, hosts] = [await startHetznerCloud(), await makeStore(), createPretendedHosts()];
  cloud.project.onLaunch = async ({ id, userData }) => hosts.boot(String(id), userData);
  cloud.project.onEnd = async ({ id }) => hosts.end(String(id));
  const throttle = createThrottle({ burst: 20, perSecond: 8 });
  cloud.onRequest = () =>
    throttle.takes() ? undefined : hetznerError(429, 'rate_limit_exceeded', { 'retry-after': '1' });
  const env = { HCLOUD_TOKEN: 'test', HCLOUD_CONFIG: '/dev/null' };
  const flags = [
    ...['-d', 'hetzner', '--hetzner-endpoint', cloud.baseUrl, '--hetzner-open-to', openTo],
    ...['--hetzner-ssh-port', String(pretendedSshPort)],
  ];
  try {
    requireSuccess(
      t,
      await Promise.all(tens.map(async (call) => store.tsmachine(['create', ...flags, call], { env }))),
    );
    t.log(`${cloud.requests.length} requests, ${throttle.refused} turned away`);
    t.deepEqual(await namesOf(store), names);
    t.is(cloud.project.servers.size, count);
    t.is(hosts.running.size, count);
    t.true(throttle.refused > 0);
    t.deepEqual(cloud.problems, []);
  } finally {
    cloud.onRequest = () => undefined;
    await store.dispose();
    await hosts.stop();
    await cloud.close();
  }
});
