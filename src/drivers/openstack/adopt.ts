import { askHostKeys } from '../../cloud/console-keys.ts';
import { unlessMissing } from '../../cloud/json-api.ts';
import { field, textField } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { serverOf, type Server } from './api/answers.ts';
import { openOpenStack, type OpenStack } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';
import { isThere } from './find-server.ts';
import { listFloatingIps } from './floating-ip.ts';
import { machineOfName, readMark } from './marks.ts';
import { groupsOfStore } from './security-group.ts';
import { listVolumes } from './volume.ts';
import { accessOfCheck } from './world.ts';

/** The record of a server that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: CheckContext<OpenStackConfig>,
  { id, machineId }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const openstack = openOpenStack(accessOfCheck(context));
  const path = `/servers/${encodeURIComponent(id)}`;
  const body = await unlessMissing(() => openstack.call('compute', { method: 'GET', path }));
  const value = field(body, 'server');
  const server = serverOf(value);
  if (
    server === undefined ||
    !isThere(server) ||
    server.metadata[ownerTags.machine] !== machineId ||
    server.metadata[ownerTags.owner] !== storeId
  ) {
    return undefined;
  }
  const keyName = textField(value, 'key_name') ?? '';
  const hasOwnKeyPair = machineOfName(keyName, storeId) === machineId;
  const volume = await volumeOfMachine(openstack, machineId);
  const [group] = await groupsOfStore(openstack, storeId);
  const { config: address, floatingIpId } = await addressOfServer(openstack, server, machineId);
  return {
    config: {
      MachineId: id,
      // Of the flags that only lead to the place.
      FlavorName: '',
      ImageName: '',
      FlavorId: textField(value, 'flavor', 'id') ?? '',
      ImageId: textField(value, 'image', 'id') ?? '',
      KeyPairName: keyName,
      ExistingKey: keyName !== '' && !hasOwnKeyPair,
      PrivateKeyFile: '',
      VolumeId: volume ?? '',
      ...address,
    },
    state: {
      hasBegun: true,
      maybeServer: true,
      projectId: await openstack.projectId(),
      hasOwnKeyPair,
      hasOwnVolume: volume !== undefined,
      groupId: group?.id ?? '',
      floatingIpId,
    },
    ...(await askHostKeys(context.signal, async () => consoleText(openstack, path))),
    otherWay: `Log in at its console (openstack console url show ${id}), or boot the rescue image: openstack server rescue ${id}`,
  };
}

async function volumeOfMachine(openstack: OpenStack, machineId: string): Promise<string | undefined> {
  const volumes = (await openstack.has('volume')) ? await listVolumes(openstack) : [];
  return volumes.find(({ metadata }) => metadata[ownerTags.machine] === machineId)?.id;
}

/** A machine that was made with a floating IP is reached by that. */
async function addressOfServer(
  openstack: OpenStack,
  { addresses }: Server,
  machineId: string,
): Promise<{ readonly config: Readonly<Record<string, unknown>>; readonly floatingIpId: string }> {
  const floating = addresses.find(({ isFloating }) => isFloating)?.address;
  const known = (await listFloatingIps(openstack)).find(
    ({ address, description }) =>
      // Nova may be behind, or not tell at all.
      address === floating || readMark(description)[ownerTags.machine] === machineId,
  );
  return known === undefined
    ? { config: {}, floatingIpId: '' }
    : {
        config: {
          IPAddress: known.address,
          // An id serves as well as a name.
          FloatingIpPool: known.networkId,
          FloatingIpPoolId: known.networkId,
        },
        floatingIpId: known.id,
      };
}

async function consoleText(openstack: OpenStack, path: string): Promise<string | undefined> {
  const body = { 'os-getConsoleOutput': {} };
  const answer = await openstack.call('compute', { method: 'POST', path: `${path}/action`, body });
  return textField(answer, 'output');
}
