import { createImage, mappingOf, type ImageOrder } from './openstack-images.ts';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import {
  given,
  novaError,
  pageOf,
  projectId,
  type CloudServer,
  type OpenStackState,
} from './openstack-state.ts';

// Nova: servers whose changes take some looks, key pairs, flavors, server groups, limits.

type Body = Readonly<Record<string, unknown>>;

export async function compute(
  state: OpenStackState,
  request: CloudRequest,
  [kind = '', id, verb, key = '']: readonly string[],
): Promise<CloudAnswer> {
  const { method } = request;
  const body = (request.body === '' ? {} : JSON.parse(request.body)) as Body;
  switch (kind) {
    case 'flavors':
      return oneOrAll(state, request, { id, items: given.flavors, names: ['flavor', 'flavors'] });
    case 'os-server-groups':
      return oneOrAll(state, request, {
        id,
        items: given.serverGroups,
        names: ['server_group', 'server_groups'],
      });
    case 'limits':
      return jsonAnswer(200, {
        limits: {
          rate: [],
          absolute: {
            maxTotalInstances: state.settings.serversMax,
            totalInstancesUsed: liveServers(state).length,
          },
        },
      });
    case 'os-keypairs':
      return keyPairs(state, method, { id, body });
    case 'servers':
      if (method === 'POST' && id === undefined) {
        return makeServer(state, body, request.headers['openstack-api-version']);
      }
      return id === undefined || id === 'detail'
        ? listServers(state, request)
        : oneServer(state, request, { id, verb, key, body });
    default:
      return novaError(404, 'The resource could not be found.');
  }
}

export function liveServers({ servers }: OpenStackState): CloudServer[] {
  return [...servers.values()].filter(({ isDeleted }) => !isDeleted);
}

function oneOrAll(
  state: OpenStackState,
  request: CloudRequest,
  {
    id,
    items,
    names: [one, all],
  }: {
    readonly id: string | undefined;
    readonly items: readonly (Body & { readonly id: string })[];
    readonly names: readonly [string, string];
  },
): CloudAnswer {
  if (id === undefined || id === 'detail') {
    return pageOf(state, request, all, items);
  }
  const found = items.find((item) => item.id === id);
  return found === undefined
    ? novaError(404, `${one} ${id} could not be found.`)
    : jsonAnswer(200, { [one]: found });
}

function keyPairs(
  { keyPairs: pairs }: OpenStackState,
  method: string,
  { id, body }: { readonly id: string | undefined; readonly body: Body },
): CloudAnswer {
  const show = (name: string): Body => ({
    keypair: { name, public_key: pairs.get(name), fingerprint: 'ab:cd' },
  });
  if (method === 'POST') {
    const { name, public_key: key } = body['keypair'] as { name: string; public_key: string };
    if (pairs.has(name)) {
      return novaError(409, `Key pair '${name}' already exists.`);
    }
    pairs.set(name, key);
    return jsonAnswer(200, show(name));
  }
  if (id === undefined) {
    return jsonAnswer(200, { keypairs: [...pairs.keys()].map(show) });
  }
  const name = decodeURIComponent(id);
  if (!pairs.has(name)) {
    return novaError(404, `Keypair ${name} not found for user`);
  }
  if (method === 'DELETE') {
    pairs.delete(name);
    return { status: 202, body: '' };
  }
  return jsonAnswer(200, show(name));
}

interface NewServer {
  readonly name: string;
  readonly flavorRef: string;
  readonly imageRef?: string;
  readonly key_name?: string;
  readonly networks?: readonly { readonly uuid: string }[];
  readonly security_groups?: readonly { readonly name: string }[];
  readonly user_data?: string;
  readonly metadata?: Record<string, string>;
  readonly block_device_mapping_v2?: readonly {
    readonly boot_index: number;
    readonly uuid: string;
    readonly source_type: string;
    readonly destination_type: string;
    readonly volume_size?: number;
    readonly volume_type?: string;
    readonly delete_on_termination: boolean;
  }[];
}

async function makeServer(
  state: OpenStackState,
  body: Body,
  version: string | string[] | undefined,
): Promise<CloudAnswer> {
  const wanted = body['server'] as NewServer;
  const groups = (wanted.security_groups ?? [{ name: 'default' }]).map(({ name }) =>
    [...state.groups.values()].find((group) => group.id === name || group.name === name),
  );
  const disks = wanted.block_device_mapping_v2 ?? [];
  const root = disks.find(({ boot_index: index }) => index === 0);
  const imageId = wanted.imageRef ?? (root?.source_type === 'image' ? root.uuid : '');
  const image = state.images.get(imageId);
  const mapping = image === undefined ? [] : mappingOf(image);
  const networkId = wanted.networks?.[0]?.uuid ?? given.networks[0].id;
  const refused = (
    [
      [given.flavors.every(({ id }) => id !== wanted.flavorRef), 'Invalid flavorRef provided.'],
      [
        imageId !== '' && image === undefined && given.images.every(({ id }) => id !== imageId),
        'Invalid imageRef provided.',
      ],
      [
        root?.source_type === 'snapshot' && !state.snapshots.has(root.uuid),
        'Block Device Mapping is Invalid: failed to get snapshot.',
      ],
      [
        root?.source_type === 'image' && mapping.length > 0,
        'Block Device Mapping is Invalid: the image has no data.',
      ],
      [
        imageId === '' && root?.source_type !== 'volume' && root?.source_type !== 'snapshot',
        'Block Device Mapping is Invalid: no boot device.',
      ],
      [wanted.key_name !== undefined && !state.keyPairs.has(wanted.key_name), 'Invalid key_name provided.'],
      [groups.includes(undefined), `Security group not found for project ${projectId}.`],
      [given.networks.every(({ id }) => id !== networkId), `Network ${networkId} could not be found.`],
      [
        disks.some((disk) => disk.volume_type !== undefined) && version !== 'compute 2.67',
        "Invalid input for field/attribute volume_type. Additional properties are not allowed ('volume_type' was unexpected)",
      ],
      [
        disks.some(
          (disk) => disk.source_type === 'volume' && state.volumes.get(disk.uuid)?.status !== 'available',
        ),
        'Invalid volume: volume is not available.',
      ],
    ] as const
  ).find(([isWrong]) => isWrong)?.[1];
  if (refused !== undefined) {
    return novaError(400, refused);
  }
  if (liveServers(state).length >= state.settings.serversMax) {
    const most = state.settings.serversMax;
    return novaError(
      403,
      `Quota exceeded for instances: Requested 1, but already used ${most} of ${most} instances`,
    );
  }
  const id = state.newId();
  const port = {
    id: state.newId(),
    networkId,
    deviceId: id,
    address: state.nextAddress('10.20.0'),
    groups: groups.flatMap((group) => group?.id ?? []),
  };
  state.ports.set(port.id, port);
  const server: CloudServer = {
    id,
    name: wanted.name,
    status: 'BUILD',
    task: 'scheduling',
    metadata: wanted.metadata ?? {},
    keyName: wanted.key_name ?? '',
    userData: Buffer.from(wanted.user_data ?? '', 'base64').toString(),
    flavorId: wanted.flavorRef,
    imageId,
    isOnVolume: root?.destination_type === 'volume' || mapping.length > 0,
    inherited: image?.properties ?? {},
    portId: port.id,
    volumes: [...mapping, ...disks].flatMap((disk) =>
      disk.destination_type === 'volume' ? [attach(state, id, disk)] : [],
    ),
    looksLeft: state.settings.buildLooks,
    unknownLooksLeft: state.settings.unknownLooks,
    isDeleted: false,
  };
  state.servers.set(id, server);
  const address = await state.settings.onLaunch(server, state.keyPairs.get(server.keyName) ?? '');
  port.address = address ?? port.address;
  return jsonAnswer(202, {
    server: {
      id,
      links: [],
      'OS-DCF:diskConfig': 'MANUAL',
      security_groups: [{ name: 'x' }],
      adminPass: 'admin-hush',
    },
  });
}

function attach(
  state: OpenStackState,
  serverId: string,
  disk: NonNullable<NewServer['block_device_mapping_v2']>[number],
): { readonly id: string; readonly endsWithServer: boolean } {
  const id = disk.source_type === 'volume' ? disk.uuid : state.newId();
  const present = state.volumes.get(id);
  if (present === undefined) {
    state.volumes.set(id, {
      ...{ id, name: '', size: disk.volume_size ?? 1, type: disk.volume_type ?? 'lvm', metadata: {} },
      ...{ status: 'in-use', serverId, looksLeft: 0 },
    });
  } else {
    Object.assign(present, { status: 'in-use', serverId });
  }
  return { id, endsWithServer: disk.delete_on_termination };
}

/** What has been begun goes on with every look. */
async function look(state: OpenStackState, server: CloudServer): Promise<void> {
  if (server.task === null) {
    return;
  }
  if (server.looksLeft > 0) {
    server.looksLeft -= 1;
    return;
  }
  if (server.status === 'BUILD' && state.settings.noRoom === server.name) {
    Object.assign(server, { status: 'ERROR', task: null, fault: 'No valid host was found.' });
    return;
  }
  if (server.task === 'deleting') {
    await forget(state, server);
    return;
  }
  Object.assign(server, { status: server.task === 'powering-off' ? 'SHUTOFF' : 'ACTIVE', task: null });
}

/** A server ends, and with it its port and what was to end with it. */
export async function forget(state: OpenStackState, server: CloudServer): Promise<void> {
  server.isDeleted = true;
  state.servers.delete(server.id);
  state.ports.delete(server.portId);
  for (const ip of state.floatingIps.values()) {
    ip.portId = ip.portId === server.portId ? null : ip.portId;
  }
  for (const { id, endsWithServer } of server.volumes) {
    const volume = state.volumes.get(id);
    // Cinder keeps a volume that has a snapshot, and Nova does not mind.
    const isHeld = [...state.snapshots.values()].some(({ volumeId }) => volumeId === id);
    if (endsWithServer && !isHeld) {
      state.volumes.delete(id);
    } else if (volume !== undefined) {
      Object.assign(volume, { status: 'available', serverId: null });
    }
  }
  await state.settings.onGone(server);
}

async function listServers(state: OpenStackState, request: CloudRequest): Promise<CloudAnswer> {
  const name = request.query.get('name');
  const servers = [...state.servers.values()];
  for (const server of servers) {
    await look(state, server);
  }
  const shown = servers.filter(
    (server) => !server.isDeleted && (name === null || new RegExp(name).test(server.name)),
  );
  return pageOf(
    state,
    request,
    'servers',
    shown.map((server) => show(state, server)),
  );
}

async function oneServer(
  state: OpenStackState,
  { method, headers }: CloudRequest,
  {
    id,
    verb,
    key,
    body,
  }: {
    readonly id: string;
    readonly verb: string | undefined;
    readonly key: string;
    readonly body: Body;
  },
): Promise<CloudAnswer> {
  const server = state.servers.get(id);
  const version = headers['openstack-api-version'];
  const missing = novaError(404, `Instance ${id} could not be found.`);
  if (server === undefined) {
    return missing;
  }
  if (verb === 'metadata') {
    const metadata = server.metadata;
    if (method === 'POST') {
      Object.assign(metadata, body['metadata']);
      return jsonAnswer(200, { metadata });
    }
    const { [key]: removed, ...rest } = metadata;
    Object.assign(server, { metadata: rest });
    return removed === undefined ? missing : { status: 204, body: '' };
  }
  if (method === 'DELETE') {
    Object.assign(server, { task: 'deleting', looksLeft: state.settings.changeLooks });
    return { status: 204, body: '' };
  }
  if (verb === 'action') {
    const order = body['createImage'] as ImageOrder | undefined;
    return order === undefined
      ? act(state, server, Object.keys(body)[0] ?? '')
      : createImage(state, server, order);
  }
  if (server.unknownLooksLeft > 0) {
    server.unknownLooksLeft -= 1;
    return missing;
  }
  await look(state, server);
  return state.servers.has(id) ? jsonAnswer(200, { server: show(state, server, version) }) : missing;
}

const actions: Readonly<
  Record<string, { readonly from: string; readonly task: string; readonly status?: string }>
> = {
  'os-start': { from: 'SHUTOFF', task: 'powering-on' },
  'os-stop': { from: 'ACTIVE', task: 'powering-off' },
  reboot: { from: 'ACTIVE', task: 'rebooting', status: 'REBOOT' },
  unpause: { from: 'PAUSED', task: 'unpausing' },
  resume: { from: 'SUSPENDED', task: 'resuming' },
  unshelve: { from: 'SHELVED_OFFLOADED', task: 'unshelving' },
};

function act(state: OpenStackState, server: CloudServer, name: string): CloudAnswer {
  if (name === 'os-getConsoleOutput') {
    return jsonAnswer(200, { output: state.settings.consoleText });
  }
  const action = actions[name];
  if (action?.from !== server.status || server.task !== null) {
    const what = server.task === null ? `vm_state ${server.status}` : `task_state ${server.task}`;
    return novaError(409, `Cannot '${name}' instance ${server.id} while it is in ${what}`);
  }
  Object.assign(server, {
    task: action.task,
    looksLeft: state.settings.changeLooks,
    ...(action.status === undefined ? {} : { status: action.status }),
  });
  return { status: 202, body: '' };
}

function show(
  state: OpenStackState,
  server: CloudServer,
  version?: string | string[],
): Body & { readonly id: string } {
  const port = state.ports.get(server.portId);
  const floating = [...state.floatingIps.values()].filter(({ portId }) => portId === server.portId);
  const network = given.networks.find(({ id }) => id === port?.networkId)?.name ?? 'private';
  const mac = 'fa:16:3e:00:00:01';
  const addresses =
    server.status === 'BUILD' || port === undefined
      ? {}
      : {
          [network]: [
            { version: 4, addr: port.address, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': mac },
            { version: 6, addr: '2001:db8::20', 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': mac },
            ...(state.settings.showsFloating ? floating : []).map(({ address }) => ({
              ...{ version: 4, addr: address, 'OS-EXT-IPS:type': 'floating', 'OS-EXT-IPS-MAC:mac_addr': mac },
            })),
          ],
        };
  return {
    id: server.id,
    name: server.name,
    status: server.status,
    tenant_id: projectId,
    user_id: 'u',
    metadata: server.metadata,
    image: server.imageId === '' || server.isOnVolume ? '' : { id: server.imageId, links: [] },
    flavor: { id: server.flavorId, links: [] },
    addresses,
    key_name: server.keyName,
    'os-extended-volumes:volumes_attached': server.volumes.map((volume) => ({
      id: volume.id,
      ...(version === undefined ? {} : { delete_on_termination: volume.endsWithServer }),
    })),
    'OS-EXT-STS:task_state': server.task,
    'OS-EXT-STS:vm_state': server.status === 'ACTIVE' ? 'active' : 'building',
    'OS-EXT-STS:power_state': server.status === 'ACTIVE' ? 1 : 0,
    ...(server.fault === undefined
      ? {}
      : { fault: { code: 500, message: server.fault, created: '2026-01-02T03:04:05Z' } }),
  };
}
