import { ownerTags } from '../../cloud/ownership.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { sshKeyOf } from './answers.ts';
import { openDigitalOcean } from './api.ts';
import { findAccount } from './choose.ts';
import { findById } from './find-droplet.ts';
import { listFirewalls } from './firewall.ts';
import { machineTag, readOwnName, storeTag } from './tags.ts';
import { accessOfCheck, type DropletCheck } from './world.ts';

/** The record of a droplet that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: DropletCheck,
  { id, machineId }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const api = openDigitalOcean(accessOfCheck(context));
  const droplet = /^[1-9]\d*$/.test(id) ? await findById(api, Number(id)) : undefined;
  const marks = [machineTag(machineId), storeTag(storeId)];
  if (droplet === undefined || !marks.every((mark) => droplet.tags.includes(mark))) {
    return undefined;
  }
  const isOwn = ({ name }: { readonly name: string }): boolean => {
    const owner = readOwnName(name);
    return owner?.machineId === machineId && owner.storeId === storeId;
  };
  const key = (await api.list('/account/keys', { key: 'ssh_keys', read: sshKeyOf })).find(isOwn);
  const firewall = (await listFirewalls(api)).find(isOwn);
  const account = await findAccount(api);
  const ours = Object.values(ownerTags);
  return {
    config: {
      DropletID: droplet.id,
      DropletName: droplet.name,
      Region: droplet.region,
      ...(droplet.size === undefined ? {} : { Size: droplet.size }),
      ...(droplet.image === undefined ? {} : { Image: droplet.image }),
      PrivateIPAddress: droplet.privateAddress ?? '',
      Tags: droplet.tags.filter((tag) => !ours.some((name) => tag.startsWith(`${name}:`))).join(','),
      SSHKeyID: key?.id ?? 0,
      ...(key === undefined ? {} : { SSHKeyFingerprint: '' }),
      SSHKey: '',
    },
    state: {
      isDropletBegun: true,
      isKeyBegun: key !== undefined,
      // The tags of the machine go with it.
      isFirewallBegun: true,
      firewallId: firewall?.id ?? '',
      accountId: account?.id ?? '',
    },
    otherWay: `Log in at the Droplet Console of the control panel, after: doctl compute droplet-action password-reset ${droplet.id}`,
  };
}
