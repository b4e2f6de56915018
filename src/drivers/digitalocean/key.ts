import { createHash } from 'node:crypto';
import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { MachineError } from '../../core/errors.ts';
import { copyOwnKey } from '../own-key.ts';
import { sshKeyOf, type SshKey } from './answers.ts';
import type { DigitalOcean } from './api.ts';
import { ownName, readOwnName } from './tags.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/** SSH keys: one that is made for the machine and put into the account, or one of the user's that is there. */

/** A key by its id or fingerprint. */
export async function findKey(
  api: DigitalOcean,
  idOrFingerprint: number | string,
): Promise<SshKey | undefined> {
  const path = `/account/keys/${encodeURIComponent(idOrFingerprint).replaceAll('%3A', ':')}`;
  return unlessMissing(() => api.one({ method: 'GET', path }, 'ssh_key', sshKeyOf));
}

/** MD5 of the key as pairs of digits, which is how the account knows it: `3b:16:…`. */
export function fingerprintOf(publicLine: string): string {
  const blob = Buffer.from(publicLine.split(' ')[1] ?? '', 'base64');
  const digest = createHash('md5').update(blob).digest('hex');
  return digest.match(/../g)?.join(':') ?? '';
}

/** Takes the user's key that is in the account. @throws MachineError `cloud-refused` when it is not, in docker-machine's words. */
export async function takeKey(context: DropletContext, { api }: DropletWorld): Promise<SshKey> {
  const { config, save } = context;
  const found = await findKey(api, config.keyFingerprint);
  if (found === undefined) {
    throw new MachineError(
      'cloud-refused',
      `Digital Ocean SSH key with fingerprint ${config.keyFingerprint} doesn't exist`,
      { remedies: ['Name one that the account has: --digitalocean-ssh-key-fingerprint'] },
    );
  }
  if (config.ownKeyPath !== '') {
    await copyOwnKey(context, { keyPath: config.ownKeyPath, withPublic: false });
  }
  await save({ SSHKeyID: found.id });
  return found;
}

/** Makes the machine's key and puts it into the account. */
export async function uploadKey(
  { name, host, signal, save }: DropletContext,
  { api, provider, state }: DropletWorld,
): Promise<SshKey> {
  const own = await provider.ownership();
  const publicLine = await provider.userKey();
  await provider.saveState({ isKeyBegun: true });
  const find = async (): Promise<SshKey | undefined> => findKey(api, fingerprintOf(publicLine));
  const body = { name: ownName(own, name), public_key: publicLine };
  const made = await makeOnce({
    find,
    make: async () => {
      try {
        return await api.one({ method: 'POST', path: '/account/keys', body }, 'ssh_key', sshKeyOf);
      } catch (error) {
        // The account has the key already: the answer to an earlier sending was lost.
        const present = cloudStatus(error) === 422 ? await find() : undefined;
        if (present === undefined) {
          throw error;
        }
        return present;
      }
    },
    clock: host.clock,
    signal,
    mayBeThere: state.isKeyBegun,
  });
  await save({ SSHKeyID: made.id });
  return made;
}

/** Removes the machine's key, but never one of the user's. */
export async function removeKey(
  { config, save }: DropletContext,
  { api, provider, state }: DropletWorld,
): Promise<void> {
  const isOurs = config.keyFingerprint === '' && (config.keyId !== 0 || state.isKeyBegun);
  if (!isOurs) {
    return;
  }
  const present = await findKey(
    api,
    config.keyId === 0 ? fingerprintOf(await provider.userKey()) : config.keyId,
  );
  // One that docker-machine made has the name of the machine and no more.
  const owner = present === undefined ? undefined : readOwnName(present.name)?.machineId;
  const { machineId } = await provider.ownership();
  if (present !== undefined && (owner === machineId || (owner === undefined && !state.isKeyBegun))) {
    await deleteKey(api, present.id);
  }
  await save({ SSHKeyID: 0 });
  if (state.isKeyBegun) {
    await provider.saveState({ isKeyBegun: false });
  }
}

/** What is gone already is success. */
export async function deleteKey(api: DigitalOcean, id: number | string): Promise<void> {
  await unlessMissing(() => api.call({ method: 'DELETE', path: `/account/keys/${id}` }));
}
