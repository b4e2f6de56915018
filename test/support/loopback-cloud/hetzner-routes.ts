import { createHash } from 'node:crypto';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import type { HetznerProject } from './hetzner-project.ts';
import { actOnServer, createImage, createServer, deleteServer, getServer } from './hetzner-servers.ts';
import {
  hetznerError,
  images,
  isNameTaken,
  locations,
  one,
  serverTypes,
  type Owned,
  type Thing,
} from './hetzner-things.ts';

// The requests that the stand-in for Hetzner understands.

const created = '2016-01-30T23:55:00+00:00';
const missing = hetznerError(404, 'not_found');

/** Carries out a request of somebody who may ask. */
export async function routeRequest(project: HetznerProject, request: CloudRequest): Promise<CloudAnswer> {
  await project.tick();
  const [, , collection = '', id = '', last = '', verb = ''] = request.path.split('/');
  const number = Number(id);
  switch (`${request.method} ${collection}${id === '' ? '' : '/ID'}${last === '' ? '' : `/${last}`}`) {
    case 'GET actions':
      return jsonAnswer(200, {
        actions: request.query.getAll('id').flatMap((each) => project.actionAnswer(Number(each)) ?? []),
      });
    case 'GET locations':
      return list('locations', locations, request);
    case 'GET server_types':
      return list('server_types', serverTypes, request);
    case 'GET images':
      return list('images', [...images, ...shownImages(project)], request);
    case 'GET images/ID':
      return one('image', images.find((image) => image['id'] === number) ?? showImage(project, number));
    case 'PUT images/ID': {
      const snapshot = project.snapshots.get(number);
      Object.assign(snapshot?.thing ?? {}, bodyOf(request));
      return one('image', snapshot?.thing);
    }
    case 'DELETE images/ID':
      return project.snapshots.delete(number) ? gone : missing;
    case 'GET servers':
      return list(
        'servers',
        [...project.servers.values()].map((server) => project.show(server)),
        request,
      );
    case 'GET servers/ID':
      return getServer(project, number);
    case 'POST servers':
      return createServer(project, bodyOf(request));
    case 'PUT servers/ID':
      Object.assign(project.servers.get(number) ?? {}, bodyOf(request));
      return getServer(project, number);
    case 'DELETE servers/ID':
      return deleteServer(project, number);
    case 'POST servers/ID/actions':
      return verb === 'create_image'
        ? createImage(project, number, bodyOf(request))
        : actOnServer(project, number, verb);
    case 'POST ssh_keys':
      return createKey(project, bodyOf(request));
    case 'POST firewalls':
      return create(project, project.firewalls, 'firewall', bodyOf(request));
    case 'POST placement_groups':
      return create(project, project.groups, 'placement_group', bodyOf(request));
    case 'DELETE ssh_keys/ID':
      return project.keys.delete(number) ? gone : missing;
    case 'DELETE firewalls/ID':
      return project.usersOf(number).length > 0
        ? hetznerError(422, 'resource_in_use')
        : project.firewalls.delete(number)
          ? gone
          : missing;
    case 'DELETE placement_groups/ID':
      return project.membersOf(number).length > 0
        ? hetznerError(409, 'resource_in_use')
        : project.groups.delete(number)
          ? gone
          : missing;
    default:
      return getThing(project, request, { collection, id });
  }
}

function shownImages(project: HetznerProject): readonly Thing[] {
  const shown = [...project.snapshots.keys()].map((id) => showImage(project, id));
  return shown.filter((image) => image !== undefined);
}

/** Each look brings it nearer to its end. */
function showImage({ snapshots }: HetznerProject, id: number): Thing | undefined {
  const snapshot = snapshots.get(id);
  if (snapshot !== undefined && snapshot.creatingLeft > 0) {
    snapshot.creatingLeft -= 1;
    return { ...snapshot.thing, status: 'creating' };
  }
  return snapshot?.thing;
}

const gone: CloudAnswer = { status: 204, body: '' };

function bodyOf({ body }: CloudRequest): Thing {
  return JSON.parse(body) as Thing;
}

/** A list with the filters of the query, in pages. */
function list(key: string, things: readonly Thing[], { query }: CloudRequest): CloudAnswer {
  const labels = (query.get('label_selector') ?? '').split(',').filter((each) => each !== '');
  const all = things.filter((thing) =>
    [
      ...['name', 'fingerprint', 'architecture', 'type', 'status', 'ip'].map(
        (name) => !query.has(name) || thing[name] === query.get(name),
      ),
      key !== 'images' || query.has('include_deprecated') || thing['deprecated'] === null,
      ...labels.map((each) => {
        const [name = '', value] = each.split('=');
        return (thing['labels'] as Readonly<Record<string, string>>)[name] === value;
      }),
    ].every(Boolean),
  );
  const page = Number(query.get('page') ?? 1);
  const perPage = Number(query.get('per_page') ?? 25);
  const lastPage = Math.max(1, Math.ceil(all.length / perPage));
  return jsonAnswer(200, {
    [key]: all.slice((page - 1) * perPage, page * perPage),
    meta: {
      pagination: {
        page,
        per_page: perPage,
        previous_page: page > 1 ? page - 1 : null,
        next_page: page < lastPage ? page + 1 : null,
        last_page: lastPage,
        total_entries: all.length,
      },
    },
  });
}

function getThing(
  project: HetznerProject,
  request: CloudRequest,
  { collection, id }: { readonly collection: string; readonly id: string },
): CloudAnswer {
  const shown = (things: ReadonlyMap<number, Owned>, show = (thing: Owned): Thing => thing): Thing[] =>
    [...things.values()].map(show);
  const collections: Readonly<Record<string, readonly Thing[]>> = {
    ssh_keys: shown(project.keys),
    firewalls: shown(project.firewalls, (thing) => showFirewall(project, thing)),
    placement_groups: shown(project.groups, (thing) => showGroup(project, thing)),
    networks: shown(project.networks),
    volumes: shown(project.volumes),
    primary_ips: shown(project.primaryIps),
  };
  const things = collections[collection];
  if (things === undefined) {
    return missing;
  }
  if (request.method !== 'GET') {
    return hetznerError(405, 'method_not_allowed');
  }
  return id === ''
    ? list(collection, things, request)
    : one(
        collection.replace(/s$/, ''),
        things.find((thing) => thing['id'] === Number(id)),
      );
}

function showFirewall(project: HetznerProject, thing: Owned): Thing {
  const users = project.usersOf(thing.id).map((id) => ({ type: 'server', server: { id } }));
  return { ...thing, applied_to: users };
}

function showGroup(project: HetznerProject, thing: Owned): Thing {
  return { ...thing, servers: project.membersOf(thing.id) };
}

function create(
  project: HetznerProject,
  things: Map<number, Owned>,
  key: 'firewall' | 'placement_group',
  body: Thing,
): CloudAnswer {
  if (isNameTaken(things, body['name'])) {
    return hetznerError(409, 'uniqueness_error');
  }
  const { rules } = body as { readonly rules?: readonly Thing[] };
  const thing = { labels: {}, ...body, id: project.nextId(), created } as unknown as Owned;
  if (key === 'firewall') {
    const whole = { direction: 'in', destination_ips: [], source_ips: [], description: null, port: null };
    thing['rules'] = (rules ?? []).map((rule) => ({ ...whole, ...rule }));
  }
  things.set(thing.id, thing);
  return key === 'firewall'
    ? jsonAnswer(201, { firewall: showFirewall(project, thing), actions: [] })
    : jsonAnswer(201, { placement_group: showGroup(project, thing), action: null });
}

function createKey(project: HetznerProject, body: Thing): CloudAnswer {
  const { keys } = project;
  const line = String(body['public_key']);
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const fingerprint = (createHash('md5').update(blob).digest('hex').match(/../g) ?? []).join(':');
  if (
    isNameTaken(keys, body['name']) ||
    [...keys.values()].some((key) => key['fingerprint'] === fingerprint)
  ) {
    return hetznerError(409, 'uniqueness_error');
  }
  const key = { labels: {}, ...body, id: project.nextId(), fingerprint, created } as unknown as Owned;
  keys.set(key.id, key);
  return jsonAnswer(201, { ssh_key: key });
}
