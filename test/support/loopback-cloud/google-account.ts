import { randomUUID } from 'node:crypto';
import { textField } from '../../../src/cloud/json-fields.ts';
import { createGoogleImages } from './google-images.ts';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';

// A project of Compute Engine in memory: what there is in it, and what requests do to it. Everything that changes something
// begins an operation, which is over after so many further requests, as in Google's own time.

export type Json = Readonly<Record<string, unknown>>;

/** An instance as answers have it. */
export interface GoogleInstance extends Record<string, unknown> {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  status: string;
  labels: Readonly<Record<string, string>>;
}

/** Called when machines begin and end; what `onLaunch` returns is the external address. */
export interface GoogleHooks {
  onLaunch: (instance: GoogleInstance) => Promise<string | undefined>;
  onDelete: (instance: GoogleInstance) => Promise<void>;
}

/** A project. */
export interface GoogleAccount extends GoogleHooks {
  readonly instances: Map<string, GoogleInstance>;
  readonly disks: Map<string, Record<string, unknown>>;
  readonly firewalls: Map<string, Record<string, unknown>>;
  /** Those of the project itself. */
  readonly images: Map<string, Record<string, unknown>>;
  /** An operation is over after so many requests. */
  operationRequests: number;
  /** The making of an image lasts so many requests longer. */
  imageRequests: number;
  /** The next operation that inserts an image ends with this error. */
  failImage: { readonly code: string; readonly message: string } | undefined;
  /** What the serial ports of instances have put out. */
  consoleText: string;
  /** So many look-ups do not know an instance that is being made. */
  unknownAnswers: number;
  /** The next operation that inserts an instance ends with this error. */
  failInsert: { readonly code: string; readonly message: string } | undefined;
  quotas: readonly { readonly metric: string; readonly limit: number; readonly usage: number }[];
  answer(request: CloudRequest): Promise<CloudAnswer>;
}

interface Pending {
  readonly operation: Record<string, unknown>;
  seen: number;
  readonly requests: () => number;
  readonly finish: (operation: Record<string, unknown>) => Promise<void> | void;
}

/** Begins an operation on something. */
export type Begin = (
  request: CloudRequest,
  what: {
    readonly type: string;
    readonly target: Json;
    /** Path of the thing. */
    readonly scope: string;
    /** It is over after so many requests. */
    readonly requests?: () => number;
  },
  finish: Pending['finish'],
) => CloudAnswer;

export const project = 'hotel-1';
export const zone = 'us-central1-a';
export const base = 'https://www.googleapis.com/compute/v1';
const inProject = `${base}/projects/${project}`;
export const staticAddress = '203.0.113.9';
const subnetwork = {
  kind: 'compute#subnetwork',
  id: '71',
  name: 'rooms',
  network: `${inProject}/global/networks/manual`,
  ipCidrRange: '10.20.0.0/20',
  selfLink: `${inProject}/regions/us-central1/subnetworks/rooms`,
};

/** What is there from the beginning, by path behind `compute/v1/`. */
function fixedThings(account: Pick<GoogleAccount, 'quotas'>): Readonly<Record<string, Json>> {
  const at = `projects/${project}`;
  const image = (name: string, architecture: string, owner = 'ubuntu-os-cloud'): Json => ({
    kind: 'compute#image',
    id: '5701',
    name,
    selfLink: `${base}/projects/${owner}/global/images/${name}`,
    diskSizeGb: '12',
    architecture,
    status: 'READY',
  });
  const type = (name: string, architecture: string): Json => ({
    kind: 'compute#machineType',
    id: '334',
    name,
    guestCpus: 2,
    memoryMb: 2048,
    architecture,
  });
  const images = 'projects/ubuntu-os-cloud/global/images';
  return {
    [at]: {
      kind: 'compute#project',
      id: '11',
      name: project,
      quotas: [{ metric: 'FIREWALLS', limit: 100, usage: 1 }],
    },
    [`${at}/regions/us-central1`]: {
      kind: 'compute#region',
      id: '12',
      name: 'us-central1',
      quotas: account.quotas,
    },
    [`${at}/zones/${zone}/machineTypes/e2-small`]: type('e2-small', 'X86_64'),
    [`${at}/zones/${zone}/machineTypes/t2a-standard-1`]: type('t2a-standard-1', 'ARM64'),
    [`${images}/family/ubuntu-2404-lts-amd64`]: image('ubuntu-2404-noble-amd64-v20261101', 'X86_64'),
    [`${images}/ubuntu-2404-noble-amd64-v20261101`]: image('ubuntu-2404-noble-amd64-v20261101', 'X86_64'),
    [`${images}/family/ubuntu-2404-lts-arm64`]: image('ubuntu-2404-noble-arm64-v20261101', 'ARM64'),
    [`${images}/ubuntu-2404-noble-arm64-v20261101`]: image('ubuntu-2404-noble-arm64-v20261101', 'ARM64'),
    'projects/debian-cloud/global/images/debian-12-v1': image('debian-12-v1', 'X86_64', 'debian-cloud'),
    'projects/debian-cloud/global/images/family/debian-12': image('debian-12-v1', 'X86_64', 'debian-cloud'),
    [`${at}/global/networks/default`]: {
      kind: 'compute#network',
      id: '21',
      name: 'default',
      autoCreateSubnetworks: true,
    },
    [`${at}/global/networks/manual`]: {
      kind: 'compute#network',
      id: '22',
      name: 'manual',
      autoCreateSubnetworks: false,
      subnetworks: [subnetwork.selfLink],
    },
    [`${at}/regions/us-central1/subnetworks/rooms`]: subnetwork,
    [`${at}/regions/us-central1/addresses/front-door`]: {
      kind: 'compute#address',
      id: '31',
      name: 'front-door',
      address: staticAddress,
    },
  };
}

/** The network's own rule, which is nobody's of ours. */
const theirRule = {
  kind: 'compute#firewall',
  id: '41',
  name: 'default-allow-ssh',
  description: 'Allow SSH from anywhere',
  network: `${inProject}/global/networks/default`,
  sourceRanges: ['0.0.0.0/0'],
  allowed: [{ IPProtocol: 'tcp', ports: ['22'] }],
};

/** An error in Google's form. */
export function googleError(
  status: number,
  reason: string,
  { message = reason, headers = {} }: { readonly message?: string; readonly headers?: Json } = {},
): CloudAnswer {
  const errors = [{ message, domain: 'global', reason }];
  return jsonAnswer(
    status,
    { error: { code: status, message, errors } },
    headers as Readonly<Record<string, string>>,
  );
}

/** Makes an empty project. */
export function createGoogleAccount(): GoogleAccount {
  const pending = new Map<string, Pending>();
  const byRequest = new Map<string, Record<string, unknown>>();
  const operations = new Map<string, Record<string, unknown>>();
  let count = 0;
  const newId = (): string => String(7_000_000_000_000_000_000n + BigInt((count += 1)));
  const newAddress = (): string => `198.51.100.${(count % 250) + 1}`;

  const begin: Begin = (
    request,
    { type, target, scope, requests = () => account.operationRequests },
    finish,
  ) => {
    const requestId = request.query.get('requestId') ?? '';
    const operation: Record<string, unknown> = {
      kind: 'compute#operation',
      id: newId(),
      name: `operation-${randomUUID()}`,
      operationType: type,
      targetId: target['id'],
      targetLink: `${base}/${scope}`,
      status: 'RUNNING',
      progress: 0,
      ...(requestId === '' ? {} : { clientOperationId: requestId }),
    };
    const place = scope.includes('/global')
      ? `projects/${project}/global`
      : `projects/${project}/zones/${zone}`;
    const path = `${place}/operations/${operation['name'] as string}`;
    operations.set(path, operation);
    pending.set(path, { operation, seen: 0, requests, finish });
    byRequest.set(requestId, operation);
    return jsonAnswer(200, operation);
  };

  const tick = async (): Promise<void> => {
    for (const [path, each] of pending) {
      each.seen += 1;
      if (each.seen >= each.requests()) {
        pending.delete(path);
        Object.assign(each.operation, { status: 'DONE', progress: 100 });
        await each.finish(each.operation);
      }
    }
  };

  const insertInstance = (request: CloudRequest, scope: string): CloudAnswer => {
    const body = JSON.parse(request.body) as Record<string, unknown>;
    const name = body['name'] as string;
    const path = `${scope}/${name}`;
    if (account.instances.has(path)) {
      return googleError(409, 'alreadyExists', { message: `The resource '${path}' already exists` });
    }
    const [disk] = body['disks'] as readonly Record<string, unknown>[];
    const wanted = disk?.['initializeParams'] as Record<string, unknown> | undefined;
    const diskName = (wanted?.['diskName'] ?? String(disk?.['source']).split('/').at(-1)) as string;
    const diskPath = `projects/${project}/zones/${zone}/disks/${diskName}`;
    if (wanted !== undefined && account.disks.has(diskPath)) {
      return googleError(409, 'alreadyExists', { message: `The resource '${diskPath}' already exists` });
    }
    if (wanted === undefined && !account.disks.has(diskPath)) {
      return googleError(404, 'notFound', { message: `The resource '${diskPath}' was not found` });
    }
    const sourceImage = String(wanted?.['sourceImage']);
    const image = account.images.get(sourceImage) ?? fixedThings(account)[sourceImage];
    if (wanted !== undefined && image?.['status'] !== 'READY') {
      return googleError(404, 'notFound', { message: `The resource '${sourceImage}' was not found` });
    }
    if (wanted !== undefined) {
      account.disks.set(diskPath, {
        kind: 'compute#disk',
        id: newId(),
        name: diskName,
        zone: `${inProject}/zones/${zone}`,
        labels: wanted['labels'],
        sizeGb: wanted['diskSizeGb'],
        architecture: image?.['architecture'],
      });
    }
    const [nic] = body['networkInterfaces'] as readonly Record<string, unknown>[];
    const [access] = (nic?.['accessConfigs'] ?? []) as readonly Record<string, unknown>[];
    const instance: GoogleInstance = {
      ...body,
      kind: 'compute#instance',
      id: newId(),
      name,
      zone: `${inProject}/zones/${zone}`,
      status: 'PROVISIONING',
      labels: (body['labels'] ?? {}) as Readonly<Record<string, string>>,
      labelFingerprint: 'bGFiZWxz',
      tags: { ...(body['tags'] as Json), fingerprint: 'dGFncw==' },
      metadata: { ...(body['metadata'] as Json), fingerprint: 'bWV0YQ==' },
      disks: [{ autoDelete: disk?.['autoDelete'], boot: true, source: `${base}/${diskPath}` }],
      networkInterfaces: [
        {
          ...nic,
          network: `${base}/${String(nic?.['network'])}`,
          networkIP: `10.128.0.${(count % 250) + 2}`,
          ...(access === undefined ? {} : { accessConfigs: [access] }),
        },
      ],
    };
    account.instances.set(path, instance);
    const failure = account.failInsert;
    account.failInsert = undefined;
    const answer = begin(request, { type: 'insert', target: instance, scope: path }, async (operation) => {
      if (failure !== undefined) {
        account.instances.delete(path);
        account.disks.delete(diskPath);
        fail(operation, failure);
        return;
      }
      await run(instance);
    });
    return answer;
  };

  /** Gives a running instance its address: the static one, or another at each start. */
  const run = async (instance: GoogleInstance): Promise<void> => {
    instance.status = 'RUNNING';
    const [nic] = instance['networkInterfaces'] as readonly Record<string, unknown>[];
    const [access] = (nic?.['accessConfigs'] ?? []) as Record<string, unknown>[];
    const launched = await account.onLaunch(instance);
    if (access !== undefined) {
      const fixed = access['natIP'] === staticAddress ? staticAddress : undefined;
      access['natIP'] = fixed ?? launched ?? newAddress();
    }
  };

  const changeInstance = (
    request: CloudRequest,
    {
      path,
      action,
      instance,
    }: { readonly path: string; readonly action: string; readonly instance: GoogleInstance },
  ): CloudAnswer => {
    const target = { type: action, target: instance, scope: path };
    switch (action) {
      case 'delete':
        for (const { source } of instance['disks'] as readonly { readonly source: string }[]) {
          const held = images.heldBy(source.slice(base.length + 1));
          if (held !== undefined) {
            return held;
          }
        }
        instance.status = 'STOPPING';
        return begin(request, target, async () => {
          account.instances.delete(path);
          for (const disk of instance['disks'] as readonly Json[]) {
            if (disk['autoDelete'] === true) {
              account.disks.delete(String(disk['source']).slice(base.length + 1));
            }
          }
          await account.onDelete(instance);
        });
      case 'stop':
        instance.status = 'STOPPING';
        return begin(request, target, () => {
          instance.status = 'TERMINATED';
          const [nic] = instance['networkInterfaces'] as readonly Record<string, unknown>[];
          for (const access of (nic?.['accessConfigs'] ?? []) as Record<string, unknown>[]) {
            if (access['natIP'] !== staticAddress) {
              delete access['natIP'];
            }
          }
        });
      case 'start':
      case 'resume':
        instance.status = 'STAGING';
        return begin(request, target, async () => run(instance));
      case 'reset':
        return begin(request, target, () => undefined);
      case 'setLabels': {
        const body = JSON.parse(request.body) as Json;
        if (body['labelFingerprint'] !== instance['labelFingerprint']) {
          return googleError(412, 'conditionNotMet', { message: 'Supplied fingerprint does not match.' });
        }
        return begin(request, target, () => {
          Object.assign(instance, {
            labels: body['labels'],
            labelFingerprint: Buffer.from(newId()).toString('base64'),
          });
        });
      }
      case 'setMetadata':
      case 'setTags': {
        const key = action === 'setTags' ? 'tags' : 'metadata';
        const body = JSON.parse(request.body) as Json;
        if (body['fingerprint'] !== (instance[key] as Json)['fingerprint']) {
          return googleError(412, 'conditionNotMet', { message: 'Supplied fingerprint does not match.' });
        }
        return begin(request, target, () => {
          instance[key] = { ...body, fingerprint: Buffer.from(newId()).toString('base64') };
        });
      }
      default:
        return googleError(404, 'notFound');
    }
  };

  const listOf = (request: CloudRequest, things: Iterable<Json>, aggregated?: string): CloudAnswer => {
    const found = [...things].filter(filterOf(request.query.get('filter') ?? ''));
    const items =
      aggregated === undefined
        ? found
        : { [`zones/${zone}`]: { [aggregated]: found }, 'zones/x': { warning: {} } };
    return jsonAnswer(200, { kind: 'compute#list', id: 'list', items });
  };

  const answer = async (request: CloudRequest): Promise<CloudAnswer> => {
    await tick();
    const path = request.path.replace('/compute/v1/', '');
    const requestId = request.query.get('requestId') ?? '';
    const known = byRequest.get(requestId);
    if (requestId !== '' && known !== undefined) {
      return jsonAnswer(200, known);
    }
    const at = `projects/${project}`;
    if (path !== at && !path.startsWith(`${at}/`) && !/^projects\/(?:ubuntu-os|debian)-cloud\//.test(path)) {
      return googleError(404, 'notFound', { message: `The resource '${path}' was not found` });
    }
    if (path.endsWith('/wait') && request.method === 'POST') {
      const operation = operations.get(path.slice(0, -'/wait'.length));
      return operation === undefined ? googleError(404, 'notFound') : jsonAnswer(200, operation);
    }
    if (path.endsWith('/operations')) {
      return listOf(request, operations.values());
    }
    const aggregated = /\/aggregated\/(\w+)$/.exec(path)?.[1];
    if (aggregated !== undefined) {
      const lists: Readonly<Record<string, Iterable<Json>>> = {
        instances: account.instances.values(),
        disks: account.disks.values(),
        subnetworks: [subnetwork],
      };
      return listOf(request, lists[aggregated] ?? [], aggregated);
    }
    if (path === `${at}/global/firewalls`) {
      return request.method === 'POST'
        ? insertFirewall(request)
        : listOf(request, account.firewalls.values());
    }
    if (path.startsWith(`${at}/global/images`)) {
      return path === `${at}/global/images` && request.method === 'GET'
        ? listOf(request, account.images.values())
        : images.answer(request, path);
    }
    if (path === `${at}/zones/${zone}/instances` && request.method === 'POST') {
      return insertInstance(request, path);
    }
    return one(request, path);
  };

  const insertFirewall = (request: CloudRequest): CloudAnswer => {
    const body = JSON.parse(request.body) as Json;
    const path = `projects/${project}/global/firewalls/${body['name'] as string}`;
    if (account.firewalls.has(path)) {
      return googleError(409, 'alreadyExists', { message: `The resource '${path}' already exists` });
    }
    const rule = { kind: 'compute#firewall', id: newId(), ...body };
    account.firewalls.set(path, rule);
    return begin(request, { type: 'insert', target: rule, scope: path }, () => undefined);
  };

  const one = (request: CloudRequest, path: string): CloudAnswer => {
    const [, owner = '', action] = /^(projects\/.*\/instances\/[^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    const instance = account.instances.get(owner);
    if (instance !== undefined && instance.status === 'PROVISIONING' && account.unknownAnswers > 0) {
      account.unknownAnswers -= 1;
      return googleError(404, 'notFound', { message: `The resource '${path}' was not found` });
    }
    if (instance !== undefined && request.method !== 'GET') {
      return changeInstance(request, { path: owner, action: action ?? 'delete', instance });
    }
    if (instance !== undefined && action === 'serialPort') {
      const { consoleText } = account;
      return jsonAnswer(200, {
        kind: 'compute#serialPortOutput',
        contents: consoleText,
        start: '0',
        next: String(Buffer.byteLength(consoleText)),
        selfLink: `${base}/${path}`,
      });
    }
    const found =
      instance ?? account.disks.get(path) ?? account.firewalls.get(path) ?? fixedThings(account)[path];
    if (found === undefined) {
      return googleError(404, 'notFound', { message: `The resource '${path}' was not found` });
    }
    if (request.method === 'GET') {
      return jsonAnswer(200, found);
    }
    const isUsed = [...account.instances.values()].some((each) =>
      JSON.stringify(each['disks']).includes(`${base}/${path}"`),
    );
    const held = isUsed ? googleError(400, 'resourceInUseByAnotherResource') : images.heldBy(path);
    if (held !== undefined) {
      return held;
    }
    return begin(request, { type: 'delete', target: found, scope: path }, () => {
      account.disks.delete(path);
      account.firewalls.delete(path);
    });
  };

  const account: GoogleAccount = {
    instances: new Map(),
    disks: new Map(),
    firewalls: new Map([[`projects/${project}/global/firewalls/default-allow-ssh`, theirRule]]),
    images: new Map(),
    operationRequests: 2,
    imageRequests: 0,
    failImage: undefined,
    consoleText: '',
    unknownAnswers: 0,
    failInsert: undefined,
    quotas: [{ metric: 'CPUS', limit: 24, usage: 0 }],
    onLaunch: async () => undefined,
    onDelete: async () => undefined,
    answer,
  };
  const images = createGoogleImages(account, { begin, newId });
  return account;
}

/** Makes an operation one that has failed. */
export function fail(
  operation: Record<string, unknown>,
  failure: { readonly code: string; readonly message: string },
): void {
  Object.assign(operation, {
    error: { errors: [failure] },
    httpErrorStatusCode: 503,
    httpErrorMessage: 'SERVICE UNAVAILABLE',
  });
}

/** The forms of filters that are in use: `labels.K=V`, `name=V`, and `field eq "REGEX"`, which means the whole text. */
function filterOf(filter: string): (thing: Json) => boolean {
  if (filter === '') {
    return () => true;
  }
  const [, name = '', pattern = ''] = /^([\w.-]+) eq "([^"]*)"$/.exec(filter) ?? [];
  if (name !== '') {
    return (thing) => new RegExp(`^(?:${pattern})$`).test(textField(thing, name) ?? '');
  }
  const [, key = '', value = ''] = /^([\w.-]+)=([\w-]+)$/.exec(filter) ?? [];
  if (key === '') {
    throw new Error(`a filter of an unknown form: ${filter}`);
  }
  const label = key.startsWith('labels.') ? key.slice('labels.'.length) : undefined;
  return (thing) =>
    label === undefined
      ? thing[key] === value
      : (thing['labels'] as Readonly<Record<string, string>> | undefined)?.[label] === value;
}
