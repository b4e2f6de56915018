import { readConfig, configure } from '../../../src/drivers/amazonec2/config.ts';
import { openEc2, type Ec2 } from '../../../src/drivers/amazonec2/api/ec2.ts';
import { createHost } from '../../../src/host/real.ts';
import { joinPath, machineDirectory, machineFiles } from '../../../src/store/paths.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { formatRecord } from '../../../src/store/record.ts';

// Machines of EC2 that are there already, without the time that their create takes.

/** Credentials with which tests ask. */
export const ec2Env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' } as const;

/** EC2 of a region at an endpoint of this computer, as tests ask it themselves. */
export function testEc2(endpoint: string, region = 'us-east-1'): Ec2 {
  return openEc2({
    host: createHost(),
    signal: new AbortController().signal,
    emit: () => undefined,
    config: readConfig({ Region: region, Endpoint: endpoint, DisableSSL: true }),
    profile: '',
    secrets: { 'amazonec2-access-key': 'test', 'amazonec2-secret-key': 'test' },
  });
}

/** Writes the record of a machine that docker-machine could have made. */
export async function putEc2Record(
  storePath: string,
  {
    name,
    endpoint,
    region,
    instanceId,
  }: Readonly<Record<'name' | 'endpoint' | 'region' | 'instanceId', string>>,
): Promise<void> {
  const { files } = createHost();
  const { config } = configure({
    'amazonec2-endpoint': endpoint,
    'amazonec2-insecure-transport': true,
    'amazonec2-region': region,
  });
  const record = newRecord({
    storePath,
    name,
    driverName: 'amazonec2',
    driver: { ...config, InstanceId: instanceId, KeyName: name },
    sshUser: 'ubuntu',
    sshPort: 22,
  });
  const directory = machineDirectory(storePath, name);
  await files.makeDirectory(directory, 0o700);
  await files.writeAtomic(joinPath(directory, machineFiles.config), formatRecord(record), 0o600);
}
