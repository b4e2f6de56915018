import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { reservedInstances } from '../src/drivers/amazonec2/api/answers.ts';
import { ec2Env, putEc2Record, testEc2 } from '../test/support/loopback-cloud/ec2-records.ts';
import {
  startThrottledEc2,
  throttledEc2Missing,
  type ThrottledEc2,
} from '../test/support/loopback-cloud/throttled-ec2.ts';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';

const createCount = 40;
/** As little as EC2 may allow an account for actions that change something. */
const limit = { burst: 20, perSecond: 5 };
const regions = ['us-east-1', 'eu-west-1'] as const;
const machinesOfRegion = 100;

/** Machines at a stand-in for EC2 that turns requests away: forty creates at once, and `ls` of two hundred. */
export async function measureClouds(runs: number): Promise<Row[]> {
  const missing = await throttledEc2Missing();
  if (missing !== undefined) {
    process.stderr.write(`clouds: skipped: ${missing}\n`);
    return [];
  }
  const cloud = await startThrottledEc2(limit);
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-clouds-'));
  try {
    return [
      ...(await measureCreates(cloud, path.join(home, 'created'))),
      ...(await measureLists(cloud, path.join(home, 'listed'), runs)),
    ];
  } finally {
    await cloud.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function succeed(store: string, args: readonly string[]): Promise<Run> {
  const run = await runNode({
    args: [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
    env: { ...ec2Env, MACHINE_STORAGE_PATH: store, DOCKER_HOST: '' },
  });
  if (run.exitCode !== 0) {
    throw new Error(`${args.join(' ')} ended with ${String(run.exitCode)}: ${run.stderr}`);
  }
  return run;
}

async function measureCreates({ proxy, throttle, flags }: ThrottledEc2, store: string): Promise<Row[]> {
  const { wallMs, maxRssMib } = await succeed(store, ['create', ...flags, `build-{1..${createCount}}`]);
  const what = `create of ${createCount} at a cloud that takes ${limit.burst} requests and ${limit.perSecond} a second`;
  const { length } = proxy.requests;
  return [
    { what, value: wallMs / 1000, unit: 's', detail: `wall, 8 at a time; ${maxRssMib.toFixed(0)} MiB` },
    {
      ...{ what: 'requests of it for each machine', value: length / createCount, unit: '' },
      detail: `${length} in all, of which ${throttle.refused} were turned away`,
    },
  ];
}

async function measureLists({ proxy }: ThrottledEc2, store: string, runs: number): Promise<Row[]> {
  proxy.onRequest = () => undefined;
  const { endpoint } = proxy;
  for (const region of regions) {
    const made = reservedInstances(
      await testEc2(endpoint, region).call('RunInstances', {
        ...{ ImageId: 'ami-0aaaaaaaaaaaaaaa2', InstanceType: 't3.small' },
        ...{ MinCount: machinesOfRegion, MaxCount: machinesOfRegion },
      }),
    );
    for (const [index, { id }] of made.entries()) {
      await putEc2Record(store, { name: `${region}-${index}`, region, endpoint, instanceId: id });
    }
  }
  const walls: number[] = [];
  const before = proxy.requests.length;
  for (let index = 0; index < runs; index += 1) {
    walls.push((await succeed(store, ['ls', '--json', '-t', '60'])).wallMs);
  }
  const requests = (proxy.requests.length - before) / runs;
  const count = regions.length * machinesOfRegion;
  return [
    {
      ...{ what: `ls of ${count} machines in ${regions.length} regions`, value: median(walls), unit: 'ms' },
      detail: `wall, median of ${runs}; the stand-in and the machines, which do not answer, take their part`,
    },
    { what: 'requests of it for each region', value: requests / regions.length, unit: '', budget: 1 },
  ];
}
