import { isDeepStrictEqual } from 'node:util';
import { answerCatalogue, isArm } from './azure-catalogue.ts';
import type { AzureCloud } from './azure-cloud.ts';
import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import type { Rests } from './fault-suite.ts';

// The state of an account of Azure: resources by id, operations that take some requests, references that must be there, and
// what is used cannot be removed.

type Json = Readonly<Record<string, unknown>>;

/** Something that was made. */
interface Stored {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  body: Json;
  provisioning: string;
  power: string;
  /** Of a virtual machine: what is started of it later is another one. */
  isGeneralized?: boolean;
}

interface Operation {
  left: number;
  status: string;
  error?: { readonly code: string; readonly message: string };
  readonly finish: () => void;
}

/** The secret of the service principal that may do everything. */
export const azureSecret = 'c2VjcmV0LW9mLXRoZS10ZXN0';
export const azureSubscription = '11111111-2222-4333-8444-555555555555';
export const azureTenant = '99999999-8888-4777-8666-555555555555';

/** An answer of an error in Azure's form. */
export function azureError(
  status: number,
  code: string,
  headers: Readonly<Record<string, string>> = {},
): { readonly kind: 'answer' } & CloudAnswer {
  return {
    kind: 'answer',
    ...jsonAnswer(status, { error: { code, message: `${code} of the test` } }, headers),
  };
}

/** What is in an account, and how it answers. */
export interface Account {
  readonly login: (request: CloudRequest) => CloudAnswer;
  readonly answer: (request: CloudRequest, cloud: AzureCloud) => Promise<CloudAnswer>;
  readonly expireTokens: () => void;
  readonly rests: () => Rests;
  readonly put: (path: string, body: Json) => void;
  readonly take: (path: string) => void;
}

/** An account in which nothing is. */
export function createAccount(): Account {
  const tokens = new Set<string>();
  const resources = new Map<string, Stored>();
  const operations = new Map<string, Operation>();
  let count = 0;

  const byType = (end: string): Stored[] =>
    [...resources.values()].filter(({ type }) => type.toLowerCase().endsWith(end.toLowerCase()));
  const insideOf = (group: string): Stored[] =>
    [...resources.values()].filter(
      ({ id, type }) =>
        id.toLowerCase().startsWith(`${group.toLowerCase()}/providers/`) && type.split('/').length === 2,
    );
  const find = (id: unknown): Stored | undefined =>
    typeof id === 'string' ? resources.get(decodeURI(id).toLowerCase()) : undefined;
  const remove = ({ id }: Stored): void => {
    for (const key of [...resources.keys()]) {
      if (key === id.toLowerCase() || key.startsWith(`${id.toLowerCase()}/`)) {
        resources.delete(key);
      }
    }
  };
  const nicsOf = (vm: Stored): readonly Json[] =>
    list(vm.body, 'properties', 'networkProfile', 'networkInterfaces');
  const ipConfigurations = (nic: Stored): readonly Json[] => list(nic.body, 'properties', 'ipConfigurations');
  const machineOf = (nic: Stored): Stored | undefined =>
    byType('/virtualMachines').find((vm) => nicsOf(vm).some((one) => find(one['id']) === nic));
  const interfacesWith = (names: readonly string[], target: Stored): Stored[] =>
    byType('/networkInterfaces').filter(
      (nic) =>
        find(at(nic.body, 'properties', 'networkSecurityGroup', 'id')) === target ||
        ipConfigurations(nic).some((one) =>
          names.some((name) => find(at(one, 'properties', name, 'id')) === target),
        ),
    );

  const store = (id: string, body: Json): Stored => {
    const present = find(id);
    const made: Stored = present ?? {
      id: decodeURI(id),
      type: typeOf(decodeURI(id)),
      name: decodeURI(id).split('/').at(-1) ?? '',
      body,
      provisioning: 'Succeeded',
      power: 'starting',
    };
    made.body = body;
    resources.set(made.id.toLowerCase(), made);
    return made;
  };

  const present = (stored: Stored, query: URLSearchParams = new URLSearchParams()): Json => {
    const { id, name, type, body, provisioning } = stored;
    const refs = (names: readonly string[]): Json[] =>
      interfacesWith(names, stored).map((nic) => ({ id: nic.id }));
    const computed: Json = type.endsWith('/virtualNetworks')
      ? {
          subnets: [...resources.values()]
            .filter((one) => one.id.toLowerCase().startsWith(`${id.toLowerCase()}/subnets/`))
            .map((one) => present(one)),
        }
      : type.endsWith('/subnets')
        ? { ipConfigurations: refs(['subnet']) }
        : type.endsWith('/networkSecurityGroups')
          ? { networkInterfaces: refs([]) }
          : type.endsWith('/availabilitySets')
            ? {
                virtualMachines: byType('/virtualMachines')
                  .filter((vm) => find(at(vm.body, 'properties', 'availabilitySet', 'id')) === stored)
                  .map((vm) => ({ id: vm.id })),
              }
            : type.endsWith('/virtualMachines') &&
                (query.get('$expand') === 'instanceView' || query.get('statusOnly') === 'true')
              ? { instanceView: { statuses: [{ code: `PowerState/${stored.power}` }] } }
              : {};
    const properties = {
      ...(at(body, 'properties') as Json | undefined),
      ...computed,
      provisioningState: provisioning,
    };
    // States of many come without most of the rest.
    return query.get('statusOnly') === 'true'
      ? {
          id,
          name,
          type,
          location: body['location'],
          properties: { provisioningState: provisioning, ...computed },
        }
      : { ...body, id, name, type, properties };
  };

  const begin = (
    cloud: AzureCloud,
    finish: () => void,
    { error, left = cloud.operationRequests }: { error?: Operation['error']; left?: number } = {},
  ): Readonly<Record<string, string>> => {
    count += 1;
    const id = `op-${count}`;
    operations.set(id, {
      left,
      status: 'InProgress',
      finish,
      ...(error === undefined ? {} : { error }),
    });
    const url = `${cloud.url}/subscriptions/${azureSubscription}/providers/Microsoft.Compute/locations/westus/operations/${id}`;
    return { 'azure-asyncoperation': url, ...pauseOf(cloud) };
  };
  const tick = (): void => {
    for (const operation of operations.values()) {
      operation.left -= operation.status === 'InProgress' ? 1 : 0;
      if (operation.status === 'InProgress' && operation.left <= 0) {
        operation.status = operation.error === undefined ? 'Succeeded' : 'Failed';
        operation.finish();
      }
    }
  };

  /** What a request to make something refers to and is not there. */
  const missingReference = (body: Json): string | undefined => {
    const ids: unknown[] = [];
    const walk = (value: unknown): void => {
      for (const [key, part] of Object.entries((value ?? {}) as Json)) {
        if (key === 'id') {
          ids.push(part);
        } else if (typeof part === 'object') {
          walk(part);
        }
      }
    };
    walk(at(body, 'properties'));
    return ids
      .map(String)
      .find((id) => id.startsWith('/subscriptions/') && find(id) === undefined && !/\/galleries\//.test(id));
  };

  const putResource = async (request: CloudRequest, cloud: AzureCloud): Promise<CloudAnswer> => {
    const id = decodeURI(request.path);
    const body = JSON.parse(request.body) as Json;
    const before = find(id);
    const type = typeOf(id);
    if (before !== undefined && request.headers['if-none-match'] === '*') {
      return azureError(412, 'PreconditionFailed');
    }
    if (before?.provisioning === 'Deleting') {
      return azureError(409, 'AnotherOperationInProgress');
    }
    const parent = parentOf(id);
    if (parent !== undefined && find(parent) === undefined) {
      return azureError(
        404,
        type.endsWith('/subnets') || type.endsWith('/securityRules')
          ? 'ParentResourceNotFound'
          : 'ResourceGroupNotFound',
      );
    }
    const missing = missingReference(body);
    if (missing !== undefined) {
      return azureError(400, 'InvalidResourceReference');
    }
    if (before !== undefined && isDeepStrictEqual(before.body, body)) {
      return jsonAnswer(200, present(before));
    }
    if (type.endsWith('/images')) {
      return putImage(id, body, cloud);
    }
    if (type.endsWith('/virtualNetworks') && before !== undefined) {
      const kept = list(body, 'properties', 'subnets').map((one) => String(one['name']).toLowerCase());
      const lost = [...resources.values()].filter(
        (one) =>
          one.id.toLowerCase().startsWith(`${id.toLowerCase()}/subnets/`) &&
          !kept.includes(one.name.toLowerCase()),
      );
      if (lost.some((one) => interfacesWith(['subnet'], one).length > 0)) {
        return azureError(400, 'InUseSubnetCannotBeDeleted');
      }
      lost.forEach(remove);
    }
    const made = store(id, body);
    for (const [list_, name] of [
      [list(body, 'properties', 'subnets'), 'subnets'],
      [list(body, 'properties', 'securityRules'), 'securityRules'],
    ] as const) {
      for (const child of list_) {
        store(`${id}/${name}/${String(child['name'])}`, { properties: child['properties'] });
      }
    }
    if (type.endsWith('/resourceGroups') || type.endsWith('/availabilitySets')) {
      return jsonAnswer(before === undefined ? 201 : 200, present(made));
    }
    return type.endsWith('/virtualMachines')
      ? launch(made, cloud)
      : jsonAnswer(201, setUp(made, cloud), operationHeaders(made, cloud));
  };

  /** Of a virtual machine that is generalized, and whose processor Azure takes. */
  const putImage = (id: string, body: Json, cloud: AzureCloud): CloudAnswer => {
    const before = find(id);
    if (before !== undefined) {
      return before.provisioning === 'Creating'
        ? jsonAnswer(200, present(before))
        : azureError(409, 'PropertyChangeNotAllowed');
    }
    const vm = find(at(body, 'properties', 'sourceVirtualMachine', 'id'));
    const disk = find(at(vm?.body, 'properties', 'storageProfile', 'osDisk', 'managedDisk', 'id'));
    const generation = at(disk?.body, 'properties', 'hyperVGeneration');
    if (
      vm?.isGeneralized !== true ||
      isArm(String(at(vm.body, 'properties', 'hardwareProfile', 'vmSize'))) ||
      (at(body, 'properties', 'hyperVGeneration') ?? 'V1') !== generation
    ) {
      return azureError(409, 'OperationNotAllowed');
    }
    const diskSizeGB = at(disk?.body, 'properties', 'diskSizeGB');
    const osDisk = { osType: 'Linux', osState: 'Generalized', diskSizeGB, managedDisk: { id: disk?.id } };
    const made = store(id, {
      ...body,
      properties: {
        ...(body['properties'] as Json),
        storageProfile: { osDisk, dataDisks: [], zoneResilient: false },
      },
    });
    made.provisioning = 'Creating';
    const { imageError: error } = cloud;
    const finish = (): void => {
      made.provisioning = error === undefined ? 'Succeeded' : 'Failed';
    };
    const left = cloud.operationRequests + cloud.creatingAnswers;
    const headers = begin(cloud, finish, { left, ...(error === undefined ? {} : { error }) });
    return jsonAnswer(201, present(made), headers);
  };

  const operationHeaders = (made: Stored, cloud: AzureCloud): Readonly<Record<string, string>> => {
    made.provisioning = 'Updating';
    return begin(cloud, () => {
      made.provisioning = 'Succeeded';
    });
  };

  const setUp = (made: Stored, cloud: AzureCloud): Json => {
    count += 1;
    const properties = at(made.body, 'properties') as Json;
    if (made.type.endsWith('/publicIPAddresses')) {
      made.body = { ...made.body, properties: { ...properties, ipAddress: `198.18.7.${count % 250}` } };
    }
    if (made.type.endsWith('/networkInterfaces')) {
      const configurations = ipConfigurations(made).map((one) => ({
        ...one,
        properties: { privateIPAddress: `192.168.0.${count % 250}`, ...(one['properties'] as Json) },
      }));
      made.body = { ...made.body, properties: { ...properties, ipConfigurations: configurations } };
    }
    return { ...present(made), etag: `"${cloud.requests.length}"` };
  };

  const generationOf = (vm: Stored): unknown => {
    const reference = at(vm.body, 'properties', 'storageProfile', 'imageReference');
    const image = find(at(reference, 'id'));
    return image === undefined
      ? /gen1$/.test(String(at(reference, 'sku')))
        ? 'V1'
        : 'V2'
      : at(image.body, 'properties', 'hyperVGeneration');
  };

  const launch = async (vm: Stored, cloud: AzureCloud): Promise<CloudAnswer> => {
    const group = vm.id.slice(0, vm.id.indexOf('/providers/'));
    const os = at(vm.body, 'properties', 'storageProfile', 'osDisk') as Json;
    const disk = store(`${group}/providers/Microsoft.Compute/disks/${String(os['name'])}`, {
      location: vm.body['location'],
      tags: vm.body['tags'],
      properties: { diskSizeGB: os['diskSizeGB'], hyperVGeneration: generationOf(vm) },
    });
    const properties = at(vm.body, 'properties') as Json;
    const storage = properties['storageProfile'] as Json;
    const profile = properties['osProfile'] as Json;
    const keys = list(profile, 'linuxConfiguration', 'ssh', 'publicKeys');
    const userData = Buffer.from(String(profile['customData']), 'base64').toString();
    vm.body = {
      ...vm.body,
      properties: {
        ...properties,
        storageProfile: { ...storage, osDisk: { ...os, managedDisk: { id: disk.id } } },
        osProfile: { ...profile, customData: undefined },
      },
    };
    vm.provisioning = 'Creating';
    const address = await cloud.onLaunch(vm.id, { userKey: String(keys[0]?.['keyData']), userData });
    const nic = find(nicsOf(vm)[0]?.['id']);
    const ip =
      nic === undefined
        ? undefined
        : find(at(ipConfigurations(nic)[0], 'properties', 'publicIPAddress', 'id'));
    if (address !== undefined && ip !== undefined) {
      ip.body = { ...ip.body, properties: { ...(ip.body['properties'] as Json), ipAddress: address } };
    }
    const error = cloud.launchError;
    const headers = begin(
      cloud,
      () => {
        vm.provisioning = error === undefined ? 'Succeeded' : 'Failed';
        vm.power = error === undefined ? 'running' : 'unknown';
      },
      error === undefined ? {} : { error },
    );
    return jsonAnswer(201, present(vm), headers);
  };

  const deleteResource = async (request: CloudRequest, cloud: AzureCloud): Promise<CloudAnswer> => {
    const stored = find(request.path);
    if (stored === undefined) {
      // Of a group that is not there Azure says so; a resource that is not there is a success.
      return find(groupOf(decodeURI(request.path))) === undefined
        ? azureError(404, 'ResourceGroupNotFound')
        : { status: 204, body: '' };
    }
    const { type } = stored;
    if (type.endsWith('/networkInterfaces')) {
      if (machineOf(stored) !== undefined) {
        return azureError(400, 'NicInUse');
      }
      if (cloud.reservedAnswers > 0) {
        cloud.reservedAnswers -= 1;
        return azureError(400, 'NicReservedForAnotherVm');
      }
    }
    const users =
      type.endsWith('/publicIPAddresses') && interfacesWith(['publicIPAddress'], stored).length > 0
        ? 'PublicIPAddressCannotBeDeleted'
        : type.endsWith('/networkSecurityGroups') && interfacesWith([], stored).length > 0
          ? 'InUseNetworkSecurityGroupCannotBeDeleted'
          : type.endsWith('/subnets') && interfacesWith(['subnet'], stored).length > 0
            ? 'InUseSubnetCannotBeDeleted'
            : type.endsWith('/virtualNetworks') &&
                [...resources.values()].some(
                  (one) =>
                    one.id.startsWith(`${stored.id}/subnets/`) && interfacesWith(['subnet'], one).length > 0,
                )
              ? 'InUseSubnetCannotBeDeleted'
              : undefined;
    if (users !== undefined) {
      return azureError(400, users);
    }
    stored.provisioning = 'Deleting';
    if (type.endsWith('/virtualMachines')) {
      await cloud.onTerminate(stored.id);
    }
    const headers = begin(cloud, () => {
      if (type.endsWith('/virtualMachines')) {
        cascade(stored);
      }
      remove(stored);
    });
    return {
      status: 202,
      headers: { ...headers, location: headers['azure-asyncoperation'] ?? '' },
      body: '',
    };
  };

  /** What is to go with its machine. */
  const cascade = (vm: Stored): void => {
    const os = at(vm.body, 'properties', 'storageProfile', 'osDisk') as Json;
    const disk = find(at(os, 'managedDisk', 'id'));
    if (os['deleteOption'] === 'Delete' && disk !== undefined) {
      remove(disk);
    }
    for (const one of nicsOf(vm)) {
      const nic = find(one['id']);
      if (nic === undefined || at(one, 'properties', 'deleteOption') !== 'Delete') {
        continue;
      }
      for (const configuration of ipConfigurations(nic)) {
        const reference = at(configuration, 'properties', 'publicIPAddress');
        const ip = find(at(reference, 'id'));
        if (ip !== undefined && at(reference, 'properties', 'deleteOption') === 'Delete') {
          remove(ip);
        }
      }
      remove(nic);
    }
  };

  const act = (request: CloudRequest, cloud: AzureCloud): CloudAnswer => {
    const [, id = '', action = ''] =
      /^(.*)\/(start|restart|deallocate|powerOff|generalize)$/.exec(decodeURI(request.path)) ?? [];
    const vm = find(id);
    if (vm === undefined) {
      return azureError(404, 'ResourceNotFound');
    }
    if (action === 'generalize') {
      vm.isGeneralized ||= vm.power === 'deallocated' || vm.power === 'stopped';
      return vm.isGeneralized ? { status: 200, body: '' } : azureError(409, 'OperationNotAllowed');
    }
    if (action === 'start' && vm.isGeneralized === true) {
      return azureError(409, 'OperationNotAllowed');
    }
    const [during, after] = {
      start: ['starting', 'running'],
      restart: ['running', 'running'],
      deallocate: ['deallocating', 'deallocated'],
      powerOff: ['stopping', 'stopped'],
    }[action] ?? ['unknown', 'unknown'];
    const before = vm.power;
    const error = action === 'start' ? cloud.startError : undefined;
    vm.power = during ?? '';
    const end = (): void => {
      vm.power = error === undefined ? (after ?? '') : before;
      vm.provisioning = error === undefined ? 'Succeeded' : 'Failed';
    };
    const headers = begin(cloud, end, error === undefined ? {} : { error });
    return { status: 202, headers, body: '' };
  };

  const answer = async (request: CloudRequest, cloud: AzureCloud): Promise<CloudAnswer> => {
    const path = decodeURI(request.path);
    const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    if (!tokens.has(token)) {
      const header = `Bearer authorization_uri="https://login.windows.net/${azureTenant}", error="invalid_token"`;
      return jsonAnswer(
        401,
        { error: { code: 'AuthenticationFailed', message: 'no token' } },
        { 'www-authenticate': header },
      );
    }
    if (!path.startsWith(`/subscriptions/${azureSubscription}/`)) {
      return azureError(404, 'SubscriptionNotFound');
    }
    const rest = path.slice(`/subscriptions/${azureSubscription}`.length);
    tick();
    const [, operationId] = /\/operations\/(op-\d+)$/.exec(path) ?? [];
    if (operationId !== undefined) {
      const operation = operations.get(operationId);
      return operation === undefined
        ? azureError(404, 'NotFound')
        : jsonAnswer(
            operation.status === 'InProgress' ? 202 : 200,
            {
              status: operation.status,
              ...(operation.status === 'Failed' ? { error: operation.error } : {}),
            },
            pauseOf(cloud),
          );
    }
    const offered = answerCatalogue(request.method, rest);
    if (offered !== undefined) {
      return offered;
    }
    if (request.method === 'POST') {
      return act(request, cloud);
    }
    if (request.method === 'PATCH') {
      const stored = find(path);
      if (stored === undefined) {
        return azureError(404, 'ResourceNotFound');
      }
      // No test patches anything but tags.
      Object.assign(stored.body, { tags: (JSON.parse(request.body) as Json)['tags'] });
      return jsonAnswer(200, present(stored));
    }
    if (request.method === 'PUT') {
      return putResource(request, cloud);
    }
    if (request.method === 'DELETE') {
      return deleteResource(request, cloud);
    }
    const [, kind] = /^\/providers\/Microsoft\.\w+\/(\w+)$/.exec(rest) ?? [];
    if (rest.toLowerCase() === '/resourcegroups') {
      const [, tagName = '', tagValue = ''] =
        /^tagName eq '([^']*)' and tagValue eq '([^']*)'$/.exec(request.query.get('$filter') ?? '') ?? [];
      const groups = byType('/resourceGroups').filter((one) => at(one.body, 'tags', tagName) === tagValue);
      return jsonAnswer(200, { value: groups.map((one) => present(one)) });
    }
    if (kind !== undefined) {
      return jsonAnswer(200, { value: byType(`/${kind}`).map((one) => present(one, request.query)) });
    }
    const [, home] = /^(.*\/resourceGroups\/[^/]+)\/providers\/Microsoft\.Compute\/images$/.exec(path) ?? [];
    if (home !== undefined) {
      const images = insideOf(home).filter(({ type }) => type.endsWith('/images'));
      return find(home) === undefined
        ? azureError(404, 'ResourceGroupNotFound')
        : jsonAnswer(200, { value: images.map((one) => present(one)) });
    }
    if (rest.endsWith('/resources')) {
      const group = groupOf(path);
      // It may be some minutes behind: the youngest are never in it here.
      const inside = insideOf(group).filter(({ type }) => !type.endsWith('/images'));
      return find(group) === undefined
        ? azureError(404, 'ResourceGroupNotFound')
        : jsonAnswer(200, { value: inside.map(({ id, name, type }) => ({ id, name, type })) });
    }
    const stored = find(path);
    if (stored !== undefined) {
      return jsonAnswer(200, present(stored, request.query));
    }
    return azureError(404, find(groupOf(path)) === undefined ? 'ResourceGroupNotFound' : 'ResourceNotFound');
  };

  return {
    login: (request) => {
      const form = new URLSearchParams(request.body);
      const isProven = form.get('client_secret') === azureSecret || form.has('client_assertion');
      if (
        !request.path.startsWith(`/${azureTenant}/`) ||
        !isProven ||
        form.get('grant_type') !== 'client_credentials'
      ) {
        const text = 'AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1';
        return jsonAnswer(401, { error: 'invalid_client', error_description: text });
      }
      count += 1;
      tokens.add(`token-${count}`);
      return jsonAnswer(200, { token_type: 'Bearer', expires_in: 3599, access_token: `token-${count}` });
    },
    answer,
    expireTokens: () => {
      tokens.clear();
    },
    rests: () => {
      const rests: Record<string, string[]> = {};
      for (const { id, type } of resources.values()) {
        if (type.split('/').length === 2) {
          const kind = type.split('/')[1] ?? '';
          rests[kind] = [...(rests[kind] ?? []), id];
        }
      }
      return rests;
    },
    put: (path, body) => {
      store(path, body);
    },
    take: (path) => {
      const stored = find(path);
      if (stored !== undefined) {
        if (stored.type.endsWith('/virtualMachines')) {
          cascade(stored);
        }
        remove(stored);
      }
    },
  };
}

/** How long Azure asks those to wait who ask how far an operation is. */
function pauseOf({ operationPauseS }: AzureCloud): Readonly<Record<string, string>> {
  return operationPauseS === undefined ? {} : { 'retry-after': String(operationPauseS) };
}

function at(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((part, name) => (part as Json | undefined)?.[name], value);
}

function list(value: unknown, ...names: readonly string[]): readonly Json[] {
  const found = at(value, ...names);
  return Array.isArray(found) ? (found as readonly Json[]) : [];
}

function typeOf(id: string): string {
  const [, provider, rest] = /\/providers\/([^/]+)\/(.*)$/.exec(id) ?? [];
  return provider === undefined
    ? 'Microsoft.Resources/resourceGroups'
    : [provider, ...(rest ?? '').split('/').filter((_, index) => index % 2 === 0)].join('/');
}

function groupOf(id: string): string {
  return /^\/subscriptions\/[^/]+\/resourceGroups\/[^/]+/i.exec(id)?.[0] ?? '';
}

/** What must be there before something can be made. */
function parentOf(id: string): string | undefined {
  const [, parent] = /^(.*)\/(?:subnets|securityRules)\/[^/]+$/.exec(id) ?? [];
  return parent ?? (id.includes('/providers/') ? groupOf(id) : undefined);
}
