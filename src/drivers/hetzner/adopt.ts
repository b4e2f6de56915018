import { unlessMissing } from '../../cloud/json-api.ts';
import { field, textField } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { serverOf, sshKeyOf, type Server } from './api/answers.ts';
import { openHetzner } from './api/hetzner.ts';
import { listLabelled } from './labelled.ts';
import { accessOf, markOfToken, type HetznerCheck } from './world.ts';

/** The record of a server that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: HetznerCheck,
  { id, machineId }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const hetzner = openHetzner(accessOf(context));
  const body = await unlessMissing(() =>
    hetzner.send({ method: 'GET', path: `/servers/${encodeURIComponent(id)}` }),
  );
  const value = field(body, 'server');
  const server = serverOf(value);
  if (server?.labels[ownerTags.machine] !== machineId || server.labels[ownerTags.owner] !== storeId) {
    return undefined;
  }
  const keys = await listLabelled(hetzner, '/ssh_keys', {
    key: ownerTags.machine,
    value: machineId,
    read: sshKeyOf,
  });
  const own = keys.find(({ name }) => !/-additional-\d+$/.test(name));
  const { token } = await hetzner.token();
  const type = textField(value, 'server_type', 'name');
  const image = textField(value, 'image', 'name');
  const hasPublicAddress = server.ipv4 !== undefined || server.ipv6 !== undefined;
  return {
    config: {
      ServerID: server.id,
      ...(type === undefined ? {} : { Type: type }),
      ...(image === undefined ? {} : { Image: image }),
      Location: server.location,
      KeyID: own?.id ?? 0,
      // One that is not marked is the user's.
      IsExistingKey: own === undefined,
      AdditionalKeyIDs: keys.filter((key) => key !== own).map((key) => key.id),
      DisablePublic4: server.ipv4 === undefined,
      DisablePublic6: server.ipv6 === undefined,
      ...(hasPublicAddress ? {} : { UsePrivateNetwork: true }),
      ServerLabels: userLabels(server),
    },
    state: {
      hasAskedKey: true,
      hasAskedFirewall: true,
      hasAskedGroup: server.placementGroupId !== undefined,
      hasAskedServer: true,
      groupId: server.placementGroupId ?? 0,
      tokenMark: markOfToken(token, machineId),
    },
    otherWay: `Log in at the console of the Cloud Console, after: hcloud server reset-password ${server.name}; or start the rescue system: hcloud server enable-rescue --ssh-key KEY ${server.name}`,
  };
}

function userLabels({ labels }: Server): Readonly<Record<string, string>> {
  const ours: readonly string[] = Object.values(ownerTags);
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !ours.includes(key)));
}
