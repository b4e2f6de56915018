import { createHost } from '../../../src/host/real.ts';
import {
  instancesOf,
  keyPairsOf,
  securityGroupsOf,
  spotRequestsOf,
  volumesOf,
} from '../../../src/drivers/amazonec2/api/answers.ts';
import { readConfig } from '../../../src/drivers/amazonec2/config.ts';
import { openEc2 } from '../../../src/drivers/amazonec2/api/ec2.ts';

/** What there is in an account, without what is there from the beginning. */
export interface Rests {
  readonly instances: readonly string[];
  readonly keyPairs: readonly string[];
  readonly securityGroups: readonly string[];
  readonly volumes: readonly string[];
  readonly spotRequests: readonly string[];
}

/** Asks moto itself, past any proxy. */
export async function restsOf(motoUrl: string, region = 'us-east-1'): Promise<Rests> {
  const ec2 = openEc2({
    host: createHost(),
    signal: new AbortController().signal,
    emit: () => undefined,
    config: readConfig({ Region: region, Endpoint: motoUrl, DisableSSL: true }),
    profile: '',
    secrets: { 'amazonec2-access-key': 'test', 'amazonec2-secret-key': 'test' },
  });
  const instances = await ec2.list('DescribeInstances', {}, instancesOf);
  const requests = await ec2.list('DescribeSpotInstanceRequests', {}, spotRequestsOf);
  return {
    instances: instances.filter(({ state }) => state !== 'terminated').map(({ id }) => id),
    keyPairs: keyPairsOf(await ec2.call('DescribeKeyPairs', {})).map(({ name }) => name),
    securityGroups: (await ec2.list('DescribeSecurityGroups', {}, securityGroupsOf))
      .map(({ name }) => name)
      .filter((name) => name !== 'default'),
    volumes: (await ec2.list('DescribeVolumes', {}, volumesOf)).map(({ id }) => id),
    spotRequests: requests.filter(({ state }) => state === 'open' || state === 'active').map(({ id }) => id),
  };
}
