import { randomUUID } from 'node:crypto';
import { descriptionMissing, readDescription } from '../api-check/described.ts';
import { openApiChecks } from '../api-check/openapi.ts';
import {
  accountJson,
  actionJson,
  dropletJson,
  firewallJson,
  keyJson,
  makeAccount,
  regions,
  sizes,
  snapshotOf,
  type CloudAccount,
  type CloudDroplet,
  type Json,
  type PendingAction,
} from './digitalocean-account.ts';
import {
  digitalOceanError,
  newId,
  notFound,
  page,
  Refusal,
  unprocessable,
  type Asked,
  type DigitalOceanCloud,
} from './digitalocean-asked.ts';
import { deleteImage, getImage, imageProblem, listImages, putImage } from './digitalocean-images.ts';
import { jsonAnswer, nameOf, startFaultServer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import type { Rests } from './fault-suite.ts';

export { digitalOceanError, type DigitalOceanCloud } from './digitalocean-asked.ts';

// A stand-in for DigitalOcean's API. Every request and answer is checked by DigitalOcean's own description, where it is there.

const description = 'digitalocean.openapi.json.gz';
export const uncheckedWhy = descriptionMissing(description);
/** Once for all clouds of a process, as the description takes its time to compile. */
const checks = uncheckedWhy === undefined ? openApiChecks(readDescription(description), '') : undefined;

const tagForm = /^[a-zA-Z0-9_\-:]{1,255}$/;

type Route = readonly [
  method: string,
  path: RegExp,
  handle: (asked: Asked) => CloudAnswer | Promise<CloudAnswer>,
];

const routes: readonly Route[] = [
  ['GET', /^\/account$/, ({ account }) => jsonAnswer(200, { account: accountJson(account) })],
  ['GET', /^\/regions$/, (asked) => page(asked, 'regions', regions)],
  ['GET', /^\/sizes$/, (asked) => page(asked, 'sizes', sizes)],
  ['GET', /^\/images$/, listImages],
  ['GET', /^\/images\/([^/]+)$/, getImage],
  ['PUT', /^\/images\/(\d+)$/, putImage],
  ['DELETE', /^\/images\/(\d+)$/, deleteImage],
  ['GET', /^\/vpcs$/, (asked) => page(asked, 'vpcs', asked.account.vpcs)],
  ['GET', /^\/vpcs\/([^/]+)$/, getVpc],
  ['GET', /^\/account\/keys$/, (asked) => page(asked, 'ssh_keys', [...asked.account.keys.values()])],
  ['POST', /^\/account\/keys$/, postKey],
  ['GET', /^\/account\/keys\/([^/]+)$/, (asked) => jsonAnswer(200, { ssh_key: keyOf(asked) })],
  ['DELETE', /^\/account\/keys\/([^/]+)$/, deleteKey],
  ['GET', /^\/tags$/, listTags],
  ['POST', /^\/tags$/, postTag],
  ['GET', /^\/tags\/([^/]+)$/, getTag],
  ['DELETE', /^\/tags\/([^/]+)$/, deleteTag],
  ['POST', /^\/tags\/([^/]+)\/resources$/, tagResources],
  ['GET', /^\/firewalls$/, (asked) => page(asked, 'firewalls', [...asked.account.firewalls.values()])],
  ['POST', /^\/firewalls$/, postFirewall],
  ['GET', /^\/firewalls\/([^/]+)$/, (asked) => jsonAnswer(200, { firewall: firewallOf(asked) })],
  ['DELETE', /^\/firewalls\/([^/]+)$/, deleteFirewall],
  ['GET', /^\/droplets$/, listDroplets],
  ['POST', /^\/droplets$/, postDroplet],
  ['GET', /^\/droplets\/(\d+)$/, getDroplet],
  ['DELETE', /^\/droplets\/(\d+)$/, deleteDroplet],
  ['GET', /^\/droplets\/(\d+)\/actions$/, listActions],
  ['POST', /^\/droplets\/(\d+)\/actions$/, postAction],
  ['GET', /^\/droplets\/(\d+)\/actions\/(\d+)$/, getAction],
];

/** Starts a cloud. Tokens `test` and `other` are of different accounts. */
export async function startDigitalOcean(): Promise<DigitalOceanCloud> {
  const account = makeAccount('a1111111-0000-4000-8000-000000000001');
  const accounts = new Map([
    ['test', account],
    ['other', makeAccount('b2222222-0000-4000-8000-000000000002')],
  ]);
  const server = await startFaultServer(
    (request) => request,
    async (request) => {
      const answer = await carryOut(cloud, request);
      cloud.findings.push(...(checks?.request(request) ?? []), ...(checks?.answer(request, answer) ?? []));
      return answer;
    },
  );
  const cloud: DigitalOceanCloud = Object.assign(server, {
    account,
    accounts,
    findings: [],
    actionAnswers: 2,
    snapshotAnswers: 2,
    pendingAnswers: 1,
    unknownAnswers: 0,
    untaggedAnswers: 0,
    pageSizeMax: 200,
    failing: new Set<string>(),
    futile: new Set<string>(),
    refusesKnownTags: false,
    onLaunch: undefined,
    onDelete: undefined,
    rests: () => restsOf([...accounts.values()]),
  });
  return cloud;
}

/** The key of a droplet's user, a line. */
export function userKeyOf({ keys }: CloudAccount, { body }: CloudDroplet): string {
  const [id] = body['ssh_keys'] as readonly number[];
  return keys.get(id ?? 0)?.['public_key'] as string;
}

function restsOf(accounts: readonly CloudAccount[]): Rests {
  const all = (read: (account: CloudAccount) => Iterable<string>): string[] =>
    accounts.flatMap((account) => [...read(account)]);
  return {
    droplets: all(({ droplets }) => [...droplets.keys()].map(String)),
    images: all(({ snapshots }) => [...snapshots.keys()].map(String)),
    keys: all(({ keys }) => [...keys.values()].map(({ name }) => String(name))),
    firewalls: all(({ firewalls }) => [...firewalls.values()].map(({ name }) => String(name))),
    // What is of one store stays, and so do the user's.
    tags: all(({ tags }) => [...tags].filter((tag) => /^tsmachine-(?:id|expires):/.test(tag))),
  };
}

async function carryOut(cloud: DigitalOceanCloud, request: CloudRequest): Promise<CloudAnswer> {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const account = cloud.accounts.get(token);
  if (account === undefined) {
    return digitalOceanError(401, 'Unauthorized', 'Unable to authenticate you');
  }
  for (const [method, path, handle] of routes) {
    const found = path.exec(request.path.replace(/^\/v2/, ''));
    if (method === request.method && found !== null) {
      try {
        const body = request.body === '' ? {} : (JSON.parse(request.body) as Json);
        const parts = found.slice(1).map((part) => decodeURIComponent(part));
        return await handle({ cloud, account, request, body, parts });
      } catch (error) {
        if (error instanceof Refusal) {
          return error.answer;
        }
        throw error;
      }
    }
  }
  cloud.findings.push(`${nameOf(request)} is not in the stand-in`);
  return digitalOceanError(404, 'not_found');
}

function getVpc({ account, parts: [wanted] }: Asked): CloudAnswer {
  const vpc = account.vpcs.find(({ id }) => id === wanted);
  if (vpc === undefined) {
    throw notFound();
  }
  return jsonAnswer(200, { vpc });
}

function keyOf({ account, parts: [wanted] }: Asked): Json {
  const key = [...account.keys.values()].find(
    ({ id, fingerprint }) => String(id) === wanted || fingerprint === wanted,
  );
  if (key === undefined) {
    throw notFound();
  }
  return key;
}

function postKey({ account, body }: Asked): CloudAnswer {
  const key = keyJson(newId(), String(body['name']), String(body['public_key']));
  if ([...account.keys.values()].some(({ fingerprint }) => fingerprint === key['fingerprint'])) {
    throw unprocessable('SSH Key is already in use on your account');
  }
  account.keys.set(key['id'] as number, key);
  return jsonAnswer(201, { ssh_key: key });
}

function deleteKey(asked: Asked): CloudAnswer {
  asked.account.keys.delete(keyOf(asked)['id'] as number);
  return { status: 204, body: '' };
}

function tagJson({ droplets }: CloudAccount, name: string): Json {
  const count = [...droplets.values()].filter(({ tags }) => tags.includes(name)).length;
  return { name, resources: { count, droplets: { count } } };
}

function postTag({ cloud, account, body }: Asked): CloudAnswer {
  const name = String(body['name']);
  if (cloud.refusesKnownTags && account.tags.has(name)) {
    throw unprocessable('Tag already exists');
  }
  account.tags.add(name);
  return jsonAnswer(201, { tag: tagJson(account, name) });
}

function listTags(asked: Asked): CloudAnswer {
  const { account } = asked;
  const tags = [...account.tags].map((name) => tagJson(account, name));
  return page(asked, 'tags', tags);
}

function getTag({ account, parts: [name = ''] }: Asked): CloudAnswer {
  if (!account.tags.has(name)) {
    throw notFound();
  }
  return jsonAnswer(200, { tag: tagJson(account, name) });
}

function tagResources({ account, body, parts: [name = ''] }: Asked): CloudAnswer {
  const droplets = (body['resources'] as readonly Json[]).map(({ resource_id: id }) =>
    account.droplets.get(Number(id)),
  );
  if (!account.tags.has(name) || droplets.includes(undefined)) {
    throw notFound();
  }
  for (const droplet of droplets) {
    droplet?.tags.push(...(droplet.tags.includes(name) ? [] : [name]));
  }
  return { status: 204, body: '' };
}

function deleteTag({ account, parts: [name = ''] }: Asked): CloudAnswer {
  if (!account.tags.delete(name)) {
    throw notFound();
  }
  for (const { tags } of account.droplets.values()) {
    const at = tags.indexOf(name);
    if (at >= 0) {
      tags.splice(at, 1);
    }
  }
  return { status: 204, body: '' };
}

function firewallOf({ account, parts: [id = ''] }: Asked): Json {
  const firewall = account.firewalls.get(id);
  if (firewall === undefined) {
    throw notFound();
  }
  return firewall;
}

function postFirewall({ account, body }: Asked): CloudAnswer {
  if ([...account.firewalls.values()].some(({ name }) => name === body['name'])) {
    throw new Refusal(409, 'conflict', 'duplicate name');
  }
  const unknown = ((body['tags'] ?? []) as readonly string[]).find((tag) => !account.tags.has(tag));
  if (unknown !== undefined) {
    throw unprocessable(`tag ${unknown} was not found`);
  }
  const firewall = firewallJson(randomUUID(), body);
  account.firewalls.set(String(firewall['id']), firewall);
  return jsonAnswer(202, { firewall });
}

function deleteFirewall(asked: Asked): CloudAnswer {
  asked.account.firewalls.delete(String(firewallOf(asked)['id']));
  return { status: 204, body: '' };
}

/** The droplet of the path. Time goes on with each look at it. */
function dropletOf({ cloud, account, parts: [id] }: Asked): CloudDroplet {
  const droplet = account.droplets.get(Number(id));
  if (droplet === undefined) {
    throw notFound();
  }
  goOn(cloud, account, droplet);
  if (droplet.unknown > 0) {
    droplet.unknown -= 1;
    throw notFound();
  }
  return droplet;
}

function goOn(cloud: DigitalOceanCloud, account: CloudAccount, droplet: CloudDroplet): void {
  const { failing, futile, snapshotAnswers } = cloud;
  for (const action of droplet.actions.filter(({ status }) => status === 'in-progress')) {
    action.left = action.type === 'snapshot' ? Math.min(action.left, snapshotAnswers) - 1 : action.left - 1;
    if (action.left < 0) {
      action.status = failing.has(action.type) ? 'errored' : 'completed';
      if (action.status === 'completed' && action.type === 'snapshot') {
        const id = newId();
        const thing = snapshotOf(id, action.name ?? '', droplet);
        account.snapshots.set(id, { thing, pending: cloud.pendingAnswers });
      } else if (action.status === 'completed' && !futile.has(action.type)) {
        droplet.status = /^(?:shutdown|power_off)$/.test(action.type) ? 'off' : 'active';
      }
    }
  }
}

function listDroplets(asked: Asked): CloudAnswer {
  const { cloud, account, request } = asked;
  const wanted = request.query.get('tag_name');
  const visible = [...account.droplets.values()].filter((droplet) => {
    goOn(cloud, account, droplet);
    if (wanted !== null && droplet.untagged > 0) {
      droplet.untagged -= 1;
      return false;
    }
    return wanted === null || droplet.tags.includes(wanted);
  });
  return page(
    asked,
    'droplets',
    visible.map((droplet) => dropletJson(account, droplet)),
  );
}

function getDroplet(asked: Asked): CloudAnswer {
  return jsonAnswer(200, { droplet: dropletJson(asked.account, dropletOf(asked)) });
}

function postDroplet({ cloud, account, body }: Asked): CloudAnswer {
  const place = regions.find(({ slug, available }) => slug === body['region'] && available === true);
  const tags = (body['tags'] ?? []) as readonly string[];
  const keys = body['ssh_keys'] as readonly number[];
  const problem =
    (place === undefined && 'You specified an invalid region for Droplet creation.') ||
    (!(place?.['sizes'] as readonly string[]).includes(String(body['size'])) &&
      'You specified an invalid size.') ||
    imageProblem(account, body) ||
    (!keys.every((id) => account.keys.has(id)) && 'These keys are not valid.') ||
    (!tags.every((tag) => tagForm.test(tag)) && 'Tags are invalid.') ||
    (Buffer.byteLength(String(body['user_data'])) > 65_536 && 'User data is too long.');
  if (problem !== false) {
    throw unprocessable(problem);
  }
  const covered = [...account.firewalls.values()].flatMap(
    (firewall) => firewall['tags'] as readonly string[],
  );
  if (!tags.some((tag) => covered.includes(tag))) {
    cloud.findings.push('a droplet is made that no firewall protects');
  }
  for (const tag of tags) {
    account.tags.add(tag);
  }
  const creation = {
    id: newId(),
    type: 'create',
    left: cloud.onLaunch === undefined ? cloud.actionAnswers : Infinity,
    status: 'in-progress' as const,
  };
  const droplet: CloudDroplet = {
    id: newId(),
    name: String(body['name']),
    body,
    tags: [...tags],
    status: 'new',
    address: '127.0.0.1',
    unknown: cloud.unknownAnswers,
    untagged: cloud.untaggedAnswers,
    actions: [creation],
  };
  account.droplets.set(droplet.id, droplet);
  void cloud.onLaunch?.(droplet).then((address) => {
    droplet.address = address;
    creation.left = 0;
  });
  const href = `${cloud.url}/v2/actions/${creation.id}`;
  return jsonAnswer(202, {
    droplet: dropletJson(account, droplet),
    links: { actions: [{ id: creation.id, rel: 'create', href }] },
  });
}

async function deleteDroplet(asked: Asked): Promise<CloudAnswer> {
  const droplet = dropletOf(asked);
  refuseWhileBusy(droplet);
  await asked.cloud.onDelete?.(droplet);
  asked.account.droplets.delete(droplet.id);
  return { status: 204, body: '' };
}

function refuseWhileBusy({ actions }: CloudDroplet): void {
  if (actions.some(({ status }) => status === 'in-progress')) {
    throw unprocessable('Droplet already has a pending event.');
  }
}

function postAction(asked: Asked): CloudAnswer {
  const droplet = dropletOf(asked);
  refuseWhileBusy(droplet);
  const type = String(asked.body['type']);
  if (type === 'power_on' && droplet.status === 'active') {
    throw unprocessable('Droplet is already powered on.');
  }
  const isSnapshot = type === 'snapshot';
  const action: PendingAction = {
    ...{ id: newId(), type, status: 'in-progress' },
    ...(isSnapshot ? { name: String(asked.body['name']) } : {}),
    left: isSnapshot ? asked.cloud.snapshotAnswers : asked.cloud.actionAnswers,
  };
  droplet.actions.push(action);
  return jsonAnswer(201, { action: actionJson(droplet.id, action) });
}

/** The newest first. */
function listActions(asked: Asked): CloudAnswer {
  const droplet = dropletOf(asked);
  return page(asked, 'actions', droplet.actions.map((action) => actionJson(droplet.id, action)).reverse());
}

function getAction(asked: Asked): CloudAnswer {
  const droplet = dropletOf(asked);
  const action = droplet.actions.find(({ id }) => String(id) === asked.parts[1]);
  if (action === undefined) {
    throw notFound();
  }
  return jsonAnswer(200, { action: actionJson(droplet.id, action) });
}
