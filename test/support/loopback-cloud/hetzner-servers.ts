import { jsonAnswer, type CloudAnswer } from './fault-server.ts';
import type { HetznerProject } from './hetzner-project.ts';
import {
  hetznerError,
  image,
  images,
  isNameTaken,
  locations,
  one,
  serverTypes,
  type ServerThing,
  type Thing,
} from './hetzner-things.ts';

// Servers of the stand-in for Hetzner, and what is done to them.

const missing = hetznerError(404, 'not_found');
const invalid = hetznerError(422, 'invalid_input');

export function getServer(project: HetznerProject, id: number): CloudAnswer {
  const server = project.servers.get(id);
  if (server !== undefined && server.unknownLeft > 0) {
    server.unknownLeft -= 1;
    return missing;
  }
  return one('server', server === undefined ? undefined : project.show(server));
}

interface ServerBody extends Thing {
  readonly name: string;
  readonly server_type: string;
  readonly image: string;
  readonly location?: string;
  readonly labels?: Record<string, string>;
  readonly ssh_keys?: readonly string[];
  readonly firewalls?: readonly { readonly firewall: number }[];
  readonly networks?: readonly number[];
  readonly volumes?: readonly number[];
  readonly placement_group?: number;
  readonly public_net?: {
    readonly enable_ipv4?: boolean;
    readonly enable_ipv6?: boolean;
    readonly ipv4?: number;
  };
  readonly user_data?: string;
}

export async function createServer(project: HetznerProject, thing: Thing): Promise<CloudAnswer> {
  const body = thing as ServerBody;
  const { public_net: net = {}, ssh_keys: keyNames = [], firewalls = [], volumes = [] } = body;
  const type = serverTypes.find(({ name }) => name === body.server_type);
  const image = [...images, ...[...project.snapshots.values()].map((snapshot) => snapshot.thing)].find(
    ({ id, name }) => String(id) === body.image || name === body.image,
  );
  const place = locations.find(({ name }) => name === (body.location ?? 'fsn1'));
  const userKeys = keyNames.map((name) => [...project.keys.values()].find((key) => key.name === name));
  const isKnown =
    type !== undefined &&
    image !== undefined &&
    place !== undefined &&
    image['architecture'] === type['architecture'] &&
    !userKeys.includes(undefined) &&
    firewalls.every(({ firewall }) => project.firewalls.has(firewall)) &&
    (body.networks ?? []).every((id) => project.networks.has(id)) &&
    volumes.every((id) => project.volumes.has(id)) &&
    (body.placement_group === undefined || project.groups.has(body.placement_group)) &&
    (net.ipv4 === undefined || project.primaryIps.has(net.ipv4)) &&
    /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/i.test(body.name);
  if (!isKnown) {
    return invalid;
  }
  if (net.enable_ipv4 === false && net.enable_ipv6 === false && firewalls.length > 0) {
    return hetznerError(422, 'incompatible_network_type');
  }
  if (isNameTaken(project.servers, body.name)) {
    return hetznerError(409, 'uniqueness_error');
  }
  const id = project.nextId();
  const given = project.primaryIps.get(net.ipv4 ?? 0)?.['ip'];
  const server: ServerThing = {
    id,
    name: body.name,
    labels: body.labels ?? {},
    status: 'initializing',
    firewallIds: firewalls.map(({ firewall }) => firewall),
    networkIds: body.networks ?? [],
    userData: body.user_data ?? '',
    keyNames,
    image,
    type,
    location: place,
    groupId: body.placement_group ?? 0,
    ipv4:
      net.enable_ipv4 === false
        ? undefined
        : typeof given === 'string'
          ? given
          : `198.51.100.${(id / 10) % 250}`,
    ipv6: net.enable_ipv6 === false ? undefined : `2001:db8:${id}::/64`,
    unknownLeft: project.unknownAnswers,
  };
  project.servers.set(id, server);
  const address = await project.onLaunch?.(server, String(userKeys[0]?.['public_key']));
  server.ipv4 = address ?? server.ipv4;
  const setStatus = (status: string) => () => {
    server.status = status;
  };
  const action = project.begin('create_server', id, {
    error: project.createError,
    onDone: setStatus('starting'),
  });
  const start = project.begin('start_server', id, {
    requests: project.actionRequests * 2,
    error: project.createError,
    onDone: setStatus('running'),
  });
  return jsonAnswer(201, {
    server: project.show(server),
    action,
    next_actions: [start],
    root_password: keyNames.length > 0 ? null : 'YItygq1v3GYjjMomLaKc',
  });
}

export function deleteServer(project: HetznerProject, id: number): CloudAnswer {
  const server = project.servers.get(id);
  if (server === undefined) {
    return missing;
  }
  server.status = 'deleting';
  const onDone = async (): Promise<void> => project.removeServer(server);
  return jsonAnswer(200, { action: project.begin('delete_server', id, { onDone }) });
}

export function createImage(project: HetznerProject, id: number, body: Thing): CloudAnswer {
  const server = project.servers.get(id);
  if (server === undefined) {
    return missing;
  }
  if (project.isLocked(id)) {
    return hetznerError(423, 'locked');
  }
  const { description, labels = {} } = body;
  const imageId = project.nextId();
  const thing = image(imageId, null, String(server.image['architecture']), {
    ...{ description, labels, image_size: 2.3, created_from: { id, name: server.name } },
  });
  project.snapshots.set(imageId, { thing, creatingLeft: project.creatingAnswers });
  const shown = { ...thing, status: 'creating', image_size: null };
  return jsonAnswer(201, { image: shown, action: project.begin('create_image', id, {}) });
}

export function actOnServer(project: HetznerProject, id: number, verb: string): CloudAnswer {
  const server = project.servers.get(id);
  if (server === undefined) {
    return missing;
  }
  if (project.isLocked(id)) {
    return hetznerError(423, 'locked');
  }
  const become = (status: string) => ({
    onDone: () => {
      server.status = status;
    },
  });
  switch (verb) {
    case 'poweron':
      server.status = 'starting';
      return jsonAnswer(201, { action: project.begin('start_server', id, become('running')) });
    case 'poweroff':
      return jsonAnswer(201, { action: project.begin('stop_server', id, become('off')) });
    case 'reboot':
      return jsonAnswer(201, { action: project.begin('reboot_server', id, become('running')) });
    case 'shutdown': {
      // Done when the guest has been asked. What the guest does is no action.
      const action = project.begin('shutdown_server', id, { requests: 0 });
      const guest = { requests: project.shutdownRequests, ...become('off') };
      if (project.shutdownRequests < Infinity) {
        project.begin('guest', 0, guest);
      }
      return jsonAnswer(201, { action });
    }
    default:
      return missing;
  }
}
