import { createHash } from 'node:crypto';
import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { copyOwnKey } from '../own-key.ts';
import { sshKeyOf, type SshKey } from './api/answers.ts';
import { isDuplicate, type Hetzner } from './api/hetzner.ts';
import { labelsOfMachine, selector } from './labels.ts';
import { readState } from './state.ts';
import type { HetznerContext, HetznerWorld } from './world.ts';

/** SSH keys: Hetzner has each only once in a project, whatever its name. One that is there already is used, and left. */

/** What Hetzner calls the fingerprint of a public key: MD5 of its blob. @throws MachineError `flag-invalid`. */
export function fingerprintOf(publicLine: string): string {
  const [, base64 = ''] = publicLine.trim().split(/\s+/);
  const blob = Buffer.from(base64, 'base64');
  if (blob.length < 16) {
    throw new MachineError('flag-invalid', `This is no public key of SSH: ${JSON.stringify(publicLine)}`);
  }
  return (createHash('md5').update(blob).digest('hex').match(/../g) ?? []).join(':');
}

/** The key of an id, if there is one. */
export async function findKey(hetzner: Hetzner, id: number): Promise<SshKey | undefined> {
  return unlessMissing(() =>
    hetzner.ask({ method: 'GET', path: `/ssh_keys/${id}` }, (body) => sshKeyOf(field(body, 'ssh_key'))),
  );
}

/** The key of a fingerprint, if there is one. */
export async function findByFingerprint(hetzner: Hetzner, fingerprint: string): Promise<SshKey | undefined> {
  return (await hetzner.list('/ssh_keys', { fingerprint }, sshKeyOf))[0];
}

/** Sees to it that the project has the keys that the server is to have. What is made is in the record when this resolves. */
export async function ensureKeys(context: HetznerContext, world: HetznerWorld): Promise<readonly string[]> {
  const { save, config, name } = context;
  const { provider } = world;
  const { machineId } = await provider.ownership();
  const isOwn = ({ labels }: SshKey): boolean => labels[ownerTags.machine] === machineId;
  const key = await ensureUserKey(context, world);
  await save({ KeyID: key.id, IsExistingKey: !isOwn(key) });
  const additional = [];
  for (const [index, line] of config.additionalKeys.entries()) {
    additional.push(await ensureKey(context, world, { name: `${name}-additional-${index}`, line }));
    await save({ AdditionalKeyIDs: additional.filter(isOwn).map(({ id }) => id) });
  }
  const keyNames = [...new Set([key, ...additional].map((each) => each.name))];
  await provider.saveState({ keyNames });
  return keyNames;
}

async function ensureUserKey(context: HetznerContext, world: HetznerWorld): Promise<SshKey> {
  const { config, host, name } = context;
  const { ownKeyPath } = world.state;
  if (ownKeyPath === '') {
    return ensureKey(context, world, { name, line: await world.provider.userKey() });
  }
  await copyOwnKey(context, { keyPath: ownKeyPath, withPublic: true });
  const line = await host.files.readText(`${ownKeyPath}.pub`);
  return config.isExistingKey
    ? requireExistingKey(world.hetzner, config.keyId, line)
    : ensureKey(context, world, { name, line });
}

/** The key of an id that the user gave. @throws MachineError `cloud-refused`, `flag-invalid` when it is another key. */
export async function requireExistingKey(hetzner: Hetzner, id: number, publicLine: string): Promise<SshKey> {
  const key = await findKey(hetzner, id);
  if (key === undefined) {
    throw new MachineError('cloud-refused', `There is no SSH key ${id} in the project of the token.`);
  }
  if (key.fingerprint !== fingerprintOf(publicLine)) {
    const message = `The SSH key ${id} of the project is not that of --hetzner-existing-key-path.`;
    throw new MachineError('flag-invalid', message, {
      why: `Their fingerprints are ${key.fingerprint} and ${fingerprintOf(publicLine)}.`,
    });
  }
  return key;
}

/** @throws MachineError `cloud-conflict` when another key has the name. */
async function ensureKey(
  { host, signal, name: machineName }: HetznerContext,
  { hetzner, provider, state }: HetznerWorld,
  { name, line }: { readonly name: string; readonly line: string },
): Promise<SshKey> {
  const own = await provider.ownership();
  const find = async (): Promise<SshKey | undefined> => findByFingerprint(hetzner, fingerprintOf(line));
  const labels = labelsOfMachine(own, machineName, host.clock.nowMs(), state.keyLabels);
  try {
    return await makeOnce({
      find,
      make: async () => {
        await provider.saveState({ hasAskedKey: true });
        const body = { name, public_key: line.trim(), labels };
        return hetzner.ask({ method: 'POST', path: '/ssh_keys', body }, (answer) =>
          sshKeyOf(field(answer, 'ssh_key')),
        );
      },
      clock: host.clock,
      signal,
    });
  } catch (error) {
    if (!isDuplicate(error)) {
      throw error;
    }
    // The same key, made by somebody else in this moment; or another one with the name.
    const present = await find();
    if (present === undefined) {
      throw new MachineError('cloud-conflict', conflictText(name), { cause: error });
    }
    return present;
  }
}

/** What is said when another key has the name. */
export function conflictText(name: string): string {
  return `The project has another SSH key with the name "${name}".`;
}

/** Removes the keys that were made for the machine, and no others. */
export async function removeKeys(
  context: HetznerContext,
  { hetzner, provider }: HetznerWorld,
): Promise<void> {
  const { config, save } = context;
  const { machineId } = await provider.ownership();
  const { hasAskedKey } = readState(await provider.state());
  const recorded = [...(config.isExistingKey ? [] : [config.keyId]), ...config.additionalKeyIds];
  const labelled = hasAskedKey
    ? await hetzner.list('/ssh_keys', { label_selector: selector(ownerTags.machine, machineId) }, sshKeyOf)
    : [];
  for (const { id } of labelled) {
    await deleteKey(hetzner, id);
  }
  for (const id of recorded.filter((each) => each !== 0 && !labelled.some((key) => key.id === each))) {
    const owner = (await findKey(hetzner, id))?.labels[ownerTags.machine];
    // One without our labels is docker-machine's, if the record is.
    if (owner === machineId || (owner === undefined && !hasAskedKey)) {
      await deleteKey(hetzner, id);
    }
  }
  await save({ ...(config.isExistingKey ? {} : { KeyID: 0 }), AdditionalKeyIDs: [] });
  await provider.saveState({ hasAskedKey: false });
}

/** Removes a key; one that is gone is success. */
export async function deleteKey(hetzner: Hetzner, id: number): Promise<void> {
  await unlessMissing(() => hetzner.send({ method: 'DELETE', path: `/ssh_keys/${id}` }));
}
