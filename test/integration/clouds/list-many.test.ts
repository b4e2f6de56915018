import { rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { reservedInstances } from '../../../src/drivers/amazonec2/api/answers.ts';
import { makeStore } from '../../support/cli.ts';
import { ec2Error, startEc2Proxy, type Ec2Request } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Env, putEc2Record, testEc2 } from '../../support/loopback-cloud/ec2-records.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';

// `ls` of very many machines at a provider.

const missing = motoMissing();
const regions = ['us-east-1', 'eu-west-1'] as const;
const machinesOfRegion = 100;

/** Region of a request: it is in the scope of its signature. */
function regionOf({ headers }: Ec2Request): string {
  return /\/([a-z0-9-]+)\/ec2\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? '';
}

test('200 machines in two regions cost two requests, and a region that fails takes no other along', async (t) => {
  t.timeout(300_000);
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const moto = await startMoto();
  const proxy = await startEc2Proxy(moto.url);
  const store = await makeStore();
  const states = async (): Promise<Readonly<Record<string, string>>> => {
    const { code, stdout, stderr } = await store.tsmachine(['ls', '--json', '-t', '60'], { env: ec2Env });
    t.is(code, 0, stderr);
    const rows = JSON.parse(stdout) as readonly { readonly name: string; readonly state: string }[];
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  };
  const namesIn = (region: string): readonly string[] =>
    Array.from({ length: machinesOfRegion }, (_, index) => `${region}-${index}`);
  const allIn = (region: string, state: string): Readonly<Record<string, string>> =>
    Object.fromEntries(namesIn(region).map((name) => [name, state]));
  try {
    for (const region of regions) {
      const made = reservedInstances(
        await testEc2(proxy.endpoint, region).call('RunInstances', {
          ImageId: 'ami-0aaaaaaaaaaaaaaa2',
          InstanceType: 't3.small',
          MinCount: machinesOfRegion,
          MaxCount: machinesOfRegion,
        }),
      );
      for (const [index, name] of namesIn(region).entries()) {
        await putEc2Record(store.path, {
          ...{ name, region, endpoint: proxy.endpoint, instanceId: made[index]?.id ?? '' },
        });
      }
    }

    const first = proxy.requests.length;
    t.deepEqual(await states(), { ...allIn('us-east-1', 'Running'), ...allIn('eu-west-1', 'Running') });
    t.deepEqual(
      proxy.requests
        .slice(first)
        .map((request) => `${request.action} ${regionOf(request)}`)
        .sort(),
      ['DescribeInstances eu-west-1', 'DescribeInstances us-east-1'],
    );

    proxy.onRequest = (request) =>
      regionOf(request) === 'eu-west-1' ? ec2Error(401, 'AuthFailure') : undefined;
    t.deepEqual(await states(), { ...allIn('us-east-1', 'Running'), ...allIn('eu-west-1', 'Error') });

    // It never answers: its machines are late, the others are not.
    proxy.onRequest = (request) =>
      regionOf(request) === 'eu-west-1' ? new Promise(() => undefined) : undefined;
    const { stdout } = await store.tsmachine(['ls', '--filter', 'state=Running', '-q', '-t', '8'], {
      env: ec2Env,
    });
    t.deepEqual(stdout.trim().split('\n').sort(), [...namesIn('us-east-1')].sort());
  } finally {
    proxy.onRequest = () => undefined;
    await proxy.close();
    await moto.stop();
    // Their account is gone, so they are forgotten without a word to it.
    await rm(path.join(store.path, 'machines'), { recursive: true });
    await store.dispose();
  }
});
