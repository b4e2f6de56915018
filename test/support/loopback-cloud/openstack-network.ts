import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import {
  given,
  neutronError,
  novaError,
  pageOf,
  projectId,
  type CloudFloatingIp,
  type CloudGroup,
  type CloudPort,
  type CloudVolume,
  type OpenStackState,
} from './openstack-state.ts';

// Neutron: networks, ports, security groups, floating IPs; and Cinder's volumes.

type Body = Readonly<Record<string, unknown>>;

export function network(
  state: OpenStackState,
  request: CloudRequest,
  [kind = '', id]: readonly string[],
): CloudAnswer {
  const body = (request.body === '' ? {} : JSON.parse(request.body)) as Body;
  const { method, query } = request;
  switch (kind) {
    case 'networks': {
      const external = query.get('router:external');
      const items = given.networks.filter(
        (each) =>
          (query.get('name') ?? each.name) === each.name &&
          (external === null || String(each['router:external']) === external),
      );
      const one = given.networks.find((each) => each.id === id);
      return id === undefined ? pageOf(state, request, 'networks', items) : shown('network', one);
    }
    case 'ports': {
      const ports = [...state.ports.values()].filter(({ deviceId }) => deviceId === query.get('device_id'));
      return pageOf(state, request, 'ports', ports.map(showPort));
    }
    case 'security-groups':
      return securityGroups(state, request, { id, body });
    case 'security-group-rules':
      return addRule(state, body['security_group_rule'] as Body);
    case 'floatingips':
      return floatingIps(state, request, { id, body });
    default:
      return neutronError(404, 'HTTPNotFound', `The resource could not be found: ${method} ${kind}`);
  }
}

function shown(name: string, item: unknown): CloudAnswer {
  return item === undefined
    ? neutronError(404, 'NotFound', `${name} could not be found.`)
    : jsonAnswer(200, { [name]: item });
}

function showPort({ id, networkId, deviceId, address, groups }: CloudPort): Body & { readonly id: string } {
  return {
    id,
    network_id: networkId,
    device_id: deviceId,
    fixed_ips: [{ subnet_id: 's', ip_address: address }],
    security_groups: groups,
    status: 'ACTIVE',
  };
}

function securityGroups(
  state: OpenStackState,
  request: CloudRequest,
  { id, body }: { readonly id: string | undefined; readonly body: Body },
): CloudAnswer {
  if (request.method === 'POST') {
    const { name, description } = body['security_group'] as { name: string; description: string };
    const group: CloudGroup = {
      id: state.newId(),
      name,
      description,
      rules: ['IPv4', 'IPv6'].map((ethertype) => ({ id: state.newId(), direction: 'egress', ethertype })),
    };
    state.groups.set(group.id, group);
    return jsonAnswer(201, { security_group: showGroup(group) });
  }
  const group = id === undefined ? undefined : state.groups.get(id);
  if (id !== undefined && group === undefined) {
    return neutronError(404, 'SecurityGroupNotFound', `Security group ${id} does not exist`);
  }
  if (request.method === 'DELETE' && group !== undefined) {
    if ([...state.ports.values()].some(({ groups }) => groups.includes(group.id))) {
      return neutronError(409, 'SecurityGroupInUse', `Security Group ${group.id} in use.`);
    }
    state.groups.delete(group.id);
    return { status: 204, body: '' };
  }
  const name = request.query.get('name');
  const groups = [...state.groups.values()].filter((each) => name === null || each.name === name);
  return pageOf(state, request, 'security_groups', groups.map(showGroup));
}

function showGroup({ id, name, description, rules }: CloudGroup): Body & { readonly id: string } {
  return { id, name, description, project_id: projectId, tenant_id: projectId, security_group_rules: rules };
}

function addRule(state: OpenStackState, rule: Body): CloudAnswer {
  const group = state.groups.get(String(rule['security_group_id']));
  if (group === undefined) {
    return neutronError(404, 'SecurityGroupNotFound', 'Security group does not exist');
  }
  const same = group.rules.find((each) => Object.entries(rule).every(([key, value]) => each[key] === value));
  if (same !== undefined) {
    return neutronError(
      409,
      'SecurityGroupRuleExists',
      `Security group rule already exists. Rule id is ${String(same['id'])}.`,
    );
  }
  const made = { id: state.newId(), remote_group_id: null, ...rule };
  group.rules.push(made);
  return jsonAnswer(201, { security_group_rule: made });
}

function floatingIps(
  state: OpenStackState,
  request: CloudRequest,
  { id, body }: { readonly id: string | undefined; readonly body: Body },
): CloudAnswer {
  const wanted = body['floatingip'] as
    { floating_network_id?: string; port_id?: string | null; description?: string } | undefined;
  if (wanted?.port_id !== undefined && wanted.port_id !== null && !state.ports.has(wanted.port_id)) {
    return neutronError(404, 'PortNotFound', `Port ${wanted.port_id} could not be found.`);
  }
  if (request.method === 'POST') {
    if (state.floatingIps.size >= state.settings.floatingIpsMax) {
      return neutronError(409, 'OverQuota', "Quota exceeded for resources: ['floatingip'].");
    }
    const made: CloudFloatingIp = {
      id: state.newId(),
      address: state.nextAddress('198.51.100'),
      networkId: wanted?.floating_network_id ?? '',
      description: wanted?.description ?? '',
      portId: wanted?.port_id ?? null,
    };
    state.floatingIps.set(made.id, made);
    return jsonAnswer(201, { floatingip: showFloatingIp(made) });
  }
  if (id === undefined) {
    return pageOf(state, request, 'floatingips', [...state.floatingIps.values()].map(showFloatingIp));
  }
  const found = state.floatingIps.get(id);
  if (found === undefined) {
    return neutronError(404, 'FloatingIPNotFound', `Floating IP ${id} could not be found`);
  }
  if (request.method === 'DELETE') {
    state.floatingIps.delete(id);
    return { status: 204, body: '' };
  }
  if (request.method === 'PUT') {
    found.portId = wanted?.port_id ?? null;
  }
  return jsonAnswer(200, { floatingip: showFloatingIp(found) });
}

function showFloatingIp(ip: CloudFloatingIp): Body & { readonly id: string } {
  return {
    id: ip.id,
    floating_ip_address: ip.address,
    floating_network_id: ip.networkId,
    port_id: ip.portId,
    fixed_ip_address: ip.portId === null ? null : '10.20.0.2',
    description: ip.description,
    status: ip.portId === null ? 'DOWN' : 'ACTIVE',
    project_id: projectId,
  };
}

/** Cinder, behind `/volume/v3/PROJECT`. */
export function volumes(
  state: OpenStackState,
  request: CloudRequest,
  id: string | undefined,
  verb: string | undefined,
): CloudAnswer {
  if (request.method === 'POST' && id === undefined) {
    const { volume: wanted } = JSON.parse(request.body) as {
      volume: { name?: string; size: number; volume_type?: string; metadata?: Record<string, string> };
    };
    const made: CloudVolume = {
      ...{ id: state.newId(), name: wanted.name ?? '', size: wanted.size, type: wanted.volume_type ?? 'lvm' },
      ...{ metadata: wanted.metadata ?? {}, status: 'creating', serverId: null },
      looksLeft: state.settings.changeLooks,
    };
    state.volumes.set(made.id, made);
    return jsonAnswer(202, { volume: showVolume(made) });
  }
  if (id === undefined || id === 'detail') {
    return pageOf(state, request, 'volumes', [...state.volumes.values()].map(showVolume));
  }
  const found = state.volumes.get(id);
  if (found === undefined) {
    return novaError(404, `Volume ${id} could not be found.`);
  }
  if (verb === 'metadata') {
    const { metadata } = JSON.parse(request.body) as { metadata: Record<string, string> };
    Object.assign(found.metadata, metadata);
    return jsonAnswer(200, { metadata: found.metadata });
  }
  if (request.method === 'DELETE') {
    const isHeld = [...state.snapshots.values()].some(({ volumeId }) => volumeId === id);
    if (!['available', 'error'].includes(found.status) || isHeld) {
      return novaError(
        400,
        'Invalid volume: Volume status must be available or error and must not have snapshots.',
      );
    }
    Object.assign(found, { status: 'deleting', looksLeft: state.settings.changeLooks });
    return { status: 202, body: '' };
  }
  if (found.looksLeft > 0) {
    found.looksLeft -= 1;
  } else if (found.status === 'creating') {
    found.status = 'available';
  } else if (found.status === 'deleting') {
    state.volumes.delete(id);
    return novaError(404, `Volume ${id} could not be found.`);
  }
  return jsonAnswer(200, { volume: showVolume(found) });
}

function showVolume(volume: CloudVolume): Body & { readonly id: string } {
  const { id, name, size, type, metadata, status, serverId } = volume;
  const attachments = serverId === null ? [] : [{ server_id: serverId, device: '/dev/vdb' }];
  return { id, name, size, volume_type: type, metadata, status, attachments };
}
