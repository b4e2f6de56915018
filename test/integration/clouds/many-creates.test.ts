import test, { type ExecutionContext } from 'ava';
import { makeStore, type Outcome, type TestStore } from '../../support/cli.ts';
import { digitalOceanError, startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { ec2Error, startEc2Proxy, type Ec2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Env } from '../../support/loopback-cloud/ec2-records.ts';
import { restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';
import {
  createPretendedHosts,
  pretendedMissing,
  pretendedSshPort,
} from '../../support/loopback-cloud/pretended-hosts.ts';
import { createThrottle } from '../../support/loopback-cloud/throttle.ts';

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

function actionsOf({ requests }: Ec2Proxy): Readonly<Record<string, number>> {
  const all: Record<string, number> = {};
  for (const { action } of requests) {
    all[action] = (all[action] ?? 0) + 1;
  }
  return all;
}

for (const [title, calls] of [
  ['in one process', ['build-{1..40}']],
  ['in four processes', tens],
] as const) {
  test.serial(`EC2: forty machines ${title}, with RequestLimitExceeded`, async (t) => {
    t.timeout(300_000);
    const missing = motoMissing() ?? (await pretendedMissing());
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    const [moto, store, hosts] = [await startMoto(), await makeStore(), createPretendedHosts()];
    const proxy = await startEc2Proxy(moto.url);
    proxy.onLaunch = async (id, userData) => hosts.boot(id, userData);
    proxy.onTerminate = async (id) => hosts.end(id);
    const throttle = createThrottle({ burst: 20, perSecond: 5 });
    proxy.onRequest = () => (throttle.takes() ? undefined : ec2Error(503, 'RequestLimitExceeded'));
    const flags = [
      ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
      ...['--amazonec2-open-to', openTo, '--amazonec2-ssh-port', String(pretendedSshPort)],
    ];
    try {
      const begin = performance.now();
      requireSuccess(
        t,
        await Promise.all(
          calls.map(async (call) => store.tsmachine(['create', ...flags, call], { env: ec2Env })),
        ),
      );
      t.log(
        `${((performance.now() - begin) / 1000).toFixed(1)} s, ${proxy.requests.length} requests, ${throttle.refused} turned away`,
      );
      t.log(JSON.stringify(actionsOf(proxy)));
      t.deepEqual(await namesOf(store), names);
      const rests = await restsOf(moto.url);
      t.is(rests.instances.length, count);
      t.is(hosts.running.size, count);
      t.is(rests.securityGroups.length, 1);
      t.true(throttle.refused > 0);
    } finally {
      proxy.onRequest = () => undefined;
      await store.dispose();
      await hosts.stop();
      await proxy.close();
      await moto.stop();
    }
  });
}

test.serial('DigitalOcean: forty machines in four processes, with 429 and Retry-After', async (t) => {
  t.timeout(300_000);
  const missing = await pretendedMissing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const [cloud, store, hosts] = [await startDigitalOcean(), await makeStore(), createPretendedHosts()];
  cloud.onLaunch = async ({ id, body }) => hosts.boot(String(id), String(body['user_data']));
  cloud.onDelete = async ({ id }) => hosts.end(String(id));
  cloud.account.dropletsMax = count;
  const throttle = createThrottle({ burst: 20, perSecond: 5 });
  cloud.onRequest = () =>
    throttle.takes()
      ? undefined
      : digitalOceanError(429, 'too_many_requests', 'API Rate limit exceeded.', { 'retry-after': '2' });
  const env = { DIGITALOCEAN_ACCESS_TOKEN: 'test' };
  const flags = [
    ...['-d', 'digitalocean', '--digitalocean-endpoint', cloud.url, '--digitalocean-open-to', openTo],
    ...['--digitalocean-ssh-port', String(pretendedSshPort)],
  ];
  try {
    const begin = performance.now();
    requireSuccess(
      t,
      await Promise.all(tens.map(async (call) => store.tsmachine(['create', ...flags, call], { env }))),
    );
    t.log(
      `${((performance.now() - begin) / 1000).toFixed(1)} s, ${cloud.requests.length} requests, ${throttle.refused} turned away`,
    );
    t.deepEqual(await namesOf(store), names);
    t.is(cloud.account.droplets.size, count);
    t.is(hosts.running.size, count);
    t.is(cloud.account.firewalls.size, 1);
    t.true(throttle.refused > 0);
    t.deepEqual(cloud.findings, []);
  } finally {
    cloud.onRequest = () => undefined;
    await store.dispose();
    await hosts.stop();
    await cloud.close();
  }
});
