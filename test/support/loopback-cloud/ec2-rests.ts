import {
  imagesOf,
  instancesOf,
  keyPairsOf,
  securityGroupsOf,
  snapshotsOf,
  spotRequestsOf,
  volumesOf,
} from '../../../src/drivers/amazonec2/api/answers.ts';
import { testEc2 } from './ec2-records.ts';

/** The account of moto. */
const account = '123456789012';

/** What there is in an account, without what is there from the beginning. */
export interface Rests {
  readonly instances: readonly string[];
  readonly keyPairs: readonly string[];
  readonly securityGroups: readonly string[];
  readonly volumes: readonly string[];
  readonly spotRequests: readonly string[];
  readonly images: readonly string[];
  readonly snapshots: readonly string[];
}

/** Asks moto itself, past any proxy. */
export async function restsOf(motoUrl: string, region = 'us-east-1'): Promise<Rests> {
  const ec2 = testEc2(motoUrl, region);
  const instances = await ec2.list('DescribeInstances', {}, instancesOf);
  const requests = await ec2.list('DescribeSpotInstanceRequests', {}, spotRequestsOf);
  // Those that are there from the beginning are of another owner.
  const Owner = ['self'];
  const ownSnapshots = { Filter: [{ Name: 'owner-id', Value: [account] }] };
  return {
    images: imagesOf(await ec2.call('DescribeImages', { Owner })).map(({ id }) => id),
    snapshots: (await ec2.list('DescribeSnapshots', ownSnapshots, snapshotsOf)).map(({ id }) => id),
    instances: instances.filter(({ state }) => state !== 'terminated').map(({ id }) => id),
    keyPairs: keyPairsOf(await ec2.call('DescribeKeyPairs', {})).map(({ name }) => name),
    securityGroups: (await ec2.list('DescribeSecurityGroups', {}, securityGroupsOf))
      .map(({ name }) => name)
      .filter((name) => name !== 'default'),
    volumes: (await ec2.list('DescribeVolumes', {}, volumesOf)).map(({ id }) => id),
    spotRequests: requests.filter(({ state }) => state === 'open' || state === 'active').map(({ id }) => id),
  };
}
