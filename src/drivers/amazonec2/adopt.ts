import { askHostKeys } from '../../cloud/console-keys.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { securityGroupsOf, type Instance } from './api/answers.ts';
import { openEc2, type Ec2 } from './api/ec2.ts';
import { textOf } from './api/xml.ts';
import type { Ec2Config } from './config.ts';
import { findById, isThere } from './find-instance.ts';
import { findKeyPair } from './key-pair.ts';
import { accessOfCheck } from './world.ts';

/** The record of an instance that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: CheckContext<Ec2Config>,
  { id, machineId }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const { config, signal } = context;
  const ec2 = openEc2(accessOfCheck(context));
  const instance = await findById(ec2, id);
  if (
    instance === undefined ||
    !isThere(instance) ||
    instance.tags[ownerTags.machine] !== machineId ||
    instance.tags[ownerTags.owner] !== storeId
  ) {
    return undefined;
  }
  const { keyName = '', spotRequestId = '', ownerId = '' } = instance;
  const key = keyName === '' ? undefined : await findKeyPair(ec2, keyName);
  const hasOwnKeyPair = key?.tags[ownerTags.machine] === machineId;
  return {
    config: {
      Id: machineId.replaceAll('-', ''),
      InstanceId: id,
      KeyName: keyName,
      // One that is not marked is the user's.
      ExistingKey: keyName !== '' && !hasOwnKeyPair,
      SSHPrivateKeyPath: '',
      RequestSpotInstance: spotRequestId !== '',
      ...(await groupsOf(ec2, instance)),
      ...placeOfInstance(instance),
    },
    state: {
      hasOwnKeyPair,
      spotRequestId,
      ...(/^\d{12}$/.test(ownerId) ? { accountId: ownerId } : {}),
    },
    ...(await askHostKeys(signal, async () => consoleText(ec2, id))),
    otherWay: `Use the serial console of EC2, or let a key in for a minute with EC2 Instance Connect: aws ec2-instance-connect send-ssh-public-key --region ${config.region} --instance-id ${id} --instance-os-user ${config.sshUser} --ssh-public-key file://KEY.pub`,
  };
}

function placeOfInstance(instance: Instance): Readonly<Record<string, unknown>> {
  const { imageId, rootDevice, type, vpcId, subnetId, zone, privateAddress = '' } = instance;
  const told = {
    AMI: imageId,
    DeviceName: rootDevice,
    InstanceType: type,
    VpcId: vpcId,
    SubnetId: subnetId,
    // The letter behind the region, as the flag has it.
    Zone: /[a-z]$/.exec(zone ?? '')?.[0],
  };
  return {
    PrivateIPAddress: privateAddress,
    ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
  };
}

async function groupsOf(ec2: Ec2, { groupIds }: Instance): Promise<Readonly<Record<string, unknown>>> {
  const groups =
    groupIds.length === 0
      ? []
      : await ec2.list('DescribeSecurityGroups', { GroupId: groupIds }, securityGroupsOf);
  return {
    SecurityGroupIds: groups.map((group) => group.id),
    SecurityGroupNames: groups.map((group) => group.name),
  };
}

async function consoleText(ec2: Ec2, id: string): Promise<string | undefined> {
  const output = textOf(await ec2.call('GetConsoleOutput', { InstanceId: id }), 'output');
  return output === undefined ? undefined : Buffer.from(output, 'base64').toString('utf8');
}
