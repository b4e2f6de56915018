import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { keyPairsOf, type KeyPair } from './api/answers.ts';
import { awsCode, unlessMissing, type Ec2 } from './api/ec2.ts';
import { tagSpecifications, tagsOfMachine } from './tags.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** SSH keys: one that is made for the machine and imported, or one of the user's. */

/** The key pair of a name, if there is one. */
export async function findKeyPair(ec2: Ec2, name: string): Promise<KeyPair | undefined> {
  return (
    await unlessMissing(async () => keyPairsOf(await ec2.call('DescribeKeyPairs', { KeyName: [name] })))
  )?.[0];
}

/**
 * Makes the machine's key and imports it under the machine's name.
 * @throws MachineError `cloud-conflict` when a key pair of somebody else has the name.
 */
export async function importKey(context: Ec2Context, { ec2, provider }: Ec2World): Promise<void> {
  const { name, config, host, save } = context;
  const own = await provider.ownership();
  const publicLine = await provider.userKey();
  const tags = tagsOfMachine(own, { name, userTags: config.tags, nowMs: host.clock.nowMs() });
  await provider.saveState({ hasOwnKeyPair: true });
  try {
    await ec2.call('ImportKeyPair', {
      KeyName: name,
      PublicKeyMaterial: Buffer.from(`${publicLine}\n`).toString('base64'),
      TagSpecification: tagSpecifications(['key-pair'], tags),
    });
  } catch (error) {
    if (awsCode(error) !== 'InvalidKeyPair.Duplicate') {
      throw error;
    }
    // The answer to an earlier sending was lost, or it is somebody else's.
    const present = await findKeyPair(ec2, name);
    if (present !== undefined && present.tags[ownerTags.machine] !== own.machineId) {
      throw new MachineError('cloud-conflict', conflictText(name), { remedies: [] });
    }
  }
  await save({ KeyName: name });
}

/** docker-machine's text. */
export function conflictText(name: string): string {
  return `There is already a keypair with the name ${name}.  Please either remove that keypair or use a different machine name.`;
}

/** Removes the machine's key pair, but never one of the user's. */
export async function removeKey(
  { name, config }: Ec2Context,
  { ec2, provider, state }: Ec2World,
): Promise<void> {
  if (config.isExistingKey) {
    return;
  }
  const keyName = config.keyName === '' ? name : config.keyName;
  if (config.keyName === '' && !state.hasOwnKeyPair) {
    return;
  }
  const present = await findKeyPair(ec2, keyName);
  if (present === undefined) {
    return;
  }
  // One without our tags is docker-machine's, if the record is.
  const { machineId } = await provider.ownership();
  const owner = present.tags[ownerTags.machine];
  if (owner === machineId || (owner === undefined && !state.hasOwnKeyPair)) {
    await unlessMissing(() => ec2.call('DeleteKeyPair', { KeyName: keyName }));
  }
}
