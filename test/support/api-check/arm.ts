import type { ValidateFunction } from 'ajv';
import ajvDraft04 from 'ajv-draft-04';
import { ajvOptions, descriptionMissing, readDescription, type CheckRequest } from './described.ts';

// Requests to the resource manager of Azure against Microsoft's schemas of resources, which describe the bodies of PUT. Other
// requests are held to the table of paths below.

type Json = Readonly<Record<string, unknown>>;

const files = [
  'azure-common-definitions.schema.json.gz',
  'azure-compute.2025-04-01.schema.json.gz',
  'azure-compute-extensions.2025-04-01.schema.json.gz',
  'azure-compute-disks.2025-01-02.schema.json.gz',
  'azure-network.2025-07-01.schema.json.gz',
  'azure-resources.2025-04-01.schema.json.gz',
];

const base = 'https://schema.management.azure.com/schemas';
const compute = '2025-04-01/Microsoft.Compute.json#/resourceDefinitions';
const network = '2025-07-01/Microsoft.Network.NRP.json#/resourceDefinitions';

/** Where a type is described. */
const definitions: Readonly<Record<string, string>> = {
  'Microsoft.Compute/virtualMachines': `${compute}/virtualMachines`,
  'Microsoft.Compute/availabilitySets': `${compute}/availabilitySets`,
  'Microsoft.Compute/images': `${compute}/images`,
  'Microsoft.Compute/disks': '2025-01-02/Microsoft.Compute.json#/resourceDefinitions/disks',
  'Microsoft.Network/networkInterfaces': `${network}/networkInterfaces`,
  'Microsoft.Network/networkSecurityGroups': `${network}/networkSecurityGroups`,
  'Microsoft.Network/networkSecurityGroups/securityRules': `${network}/networkSecurityGroups_securityRules`,
  'Microsoft.Network/publicIPAddresses': `${network}/publicIPAddresses`,
  'Microsoft.Network/virtualNetworks': `${network}/virtualNetworks`,
  'Microsoft.Network/virtualNetworks/subnets': `${network}/virtualNetworks_subnets`,
  'Microsoft.Resources/resourceGroups':
    '2025-04-01/Microsoft.Resources.json#/subscription_resourceDefinitions/resourceGroups',
};

const versions: Readonly<Record<string, string>> = {
  Compute: '2025-04-01',
  'Compute/disks': '2025-01-02',
  'Compute/skus': '2021-07-01',
  Network: '2025-07-01',
  Resources: '2025-04-01',
};

/** Everything but PUT: method, path, service whose version it has, and the query besides it. */
const others: readonly (readonly [string, RegExp, string, readonly string[]])[] = [
  ['GET', /^\/resourceGroups\/[^/]+$/, 'Resources', []],
  ['DELETE', /^\/resourceGroups\/[^/]+$/, 'Resources', ['forceDeletionTypes']],
  ['GET', /^\/resourceGroups\/[^/]+\/resources$/, 'Resources', ['$filter', '$expand', '$top']],
  ['GET', /^\/resourcegroups$/, 'Resources', ['$filter', '$top']],
  ['GET', /^\/providers\/Microsoft\.(?:Compute|Network)$/, 'Resources', ['$expand']],
  ['POST', /^\/providers\/Microsoft\.(?:Compute|Network)\/register$/, 'Resources', []],
  ['GET', /^\/providers\/Microsoft\.Compute\/skus$/, 'Compute/skus', ['$filter', 'includeExtendedLocations']],
  ['GET', /^\/providers\/Microsoft\.Compute\/locations\/[^/]+\/usages$/, 'Compute', []],
  [
    'GET',
    /^\/providers\/Microsoft\.Compute\/locations\/[^/]+\/publishers\/[^/]+\/artifacttypes\/vmimage\/offers\/[^/]+\/skus\/[^/]+\/versions$/,
    'Compute',
    ['$top', '$orderby', '$expand'],
  ],
  [
    'GET',
    /^\/providers\/Microsoft\.Compute\/locations\/[^/]+\/publishers\/[^/]+\/artifacttypes\/vmimage\/offers\/[^/]+\/skus\/[^/]+\/versions\/[^/]+$/,
    'Compute',
    [],
  ],
  ['GET', /^\/providers\/Microsoft\.Compute\/virtualMachines$/, 'Compute', ['statusOnly', '$filter']],
  ['GET', /^\/providers\/Microsoft\.Compute\/availabilitySets$/, 'Compute', ['$expand']],
  ['GET', /^(?:\/resourceGroups\/[^/]+)?\/providers\/Microsoft\.Compute\/images$/, 'Compute', []],
  ['GET', /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/images\/[^/]+$/, 'Compute', ['$expand']],
  ...['PATCH', 'DELETE'].map(
    (method) =>
      [
        method,
        /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/images\/[^/]+$/,
        'Compute',
        [] as readonly string[],
      ] as const,
  ),
  ['GET', /^\/providers\/Microsoft\.Compute\/disks$/, 'Compute/disks', []],
  [
    'GET',
    /^\/providers\/Microsoft\.Network\/(?:networkInterfaces|networkSecurityGroups|publicIPAddresses|virtualNetworks)$/,
    'Network',
    [],
  ],
  [
    'GET',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+$/,
    'Compute',
    ['$expand'],
  ],
  [
    'DELETE',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+$/,
    'Compute',
    ['forceDeletion'],
  ],
  [
    'PATCH',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+$/,
    'Compute',
    [],
  ],
  [
    'POST',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+\/(?:start|restart|generalize)$/,
    'Compute',
    [],
  ],
  [
    'POST',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+\/deallocate$/,
    'Compute',
    ['hibernate'],
  ],
  [
    'POST',
    /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/virtualMachines\/[^/]+\/powerOff$/,
    'Compute',
    ['skipShutdown'],
  ],
  ...['GET', 'DELETE'].map(
    (method) =>
      [
        method,
        /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/disks\/[^/]+$/,
        'Compute/disks',
        [] as readonly string[],
      ] as const,
  ),
  ...['GET', 'DELETE'].map(
    (method) =>
      [
        method,
        /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Compute\/availabilitySets\/[^/]+$/,
        'Compute',
        [] as readonly string[],
      ] as const,
  ),
  ...['GET', 'DELETE'].map(
    (method) =>
      [
        method,
        /^\/resourceGroups\/[^/]+\/providers\/Microsoft\.Network\/(?:(?:networkInterfaces|networkSecurityGroups|publicIPAddresses|virtualNetworks)\/[^/]+|virtualNetworks\/[^/]+\/subnets\/[^/]+)$/,
        'Network',
        ['$expand'] as readonly string[],
      ] as const,
  ),
  // Where the answers of this test's own cloud send those who wait.
  [
    'GET',
    /^\/providers\/Microsoft\.(?:Compute|Network|Resources)\/locations\/[^/]+\/operations\/[^/]+$/,
    '',
    [],
  ],
];

/** Why requests cannot be checked; undefined when they can. */
export function armMissing(): string | undefined {
  return files.map(descriptionMissing).find((why) => why !== undefined);
}

/** Checks of requests. */
export function armCheck(): CheckRequest {
  // The module is of CommonJS, and types and Node do not agree on what its default is.
  const Ajv = ((ajvDraft04 as unknown as { default?: unknown }).default ??
    ajvDraft04) as typeof ajvDraft04.default;
  const ajv = new Ajv(ajvOptions);
  for (const file of files) {
    const schema = readDescription(file);
    ajv.addSchema(close(schema) as Json, String(schema['id']).replace(/#$/, ''));
  }
  const compiled = new Map<string, ValidateFunction>();
  return ({ method, path, query, body }) => {
    const [, rest = ''] = /^\/subscriptions\/[^/]+(\/.*)?$/.exec(path) ?? [];
    if (method !== 'PUT') {
      return checkOther(method, rest, { query, body });
    }
    const { type, name } = typeOf(rest);
    const place = definitions[type];
    if (place === undefined) {
      return [`PUT ${path}: the type ${type} is not described`];
    }
    const validate = compiled.get(type) ?? ajv.compile({ $ref: `${base}/${place}` });
    compiled.set(type, validate);
    const sent = JSON.parse(body) as Json;
    const whole = {
      ...(type === 'Microsoft.Resources/resourceGroups' ? { properties: {} } : {}),
      ...sent,
      type,
      name,
      apiVersion: query.get('api-version'),
    };
    const unknown = [...query.keys()].filter((key) => key !== 'api-version');
    return [
      ...unknown.map((key) => `PUT ${type}: the query parameter ${key} is not described`),
      ...(validate(whole) ? [] : problemsOf(type, validate)),
    ];
  };
}

function checkOther(
  method: string,
  path: string,
  { query, body }: { readonly query: URLSearchParams; readonly body: string },
): readonly string[] {
  const found = others.find(([verb, pattern]) => verb === method && pattern.test(path));
  if (found === undefined) {
    return [`${method} ${path} is in no table`];
  }
  const [, , service, names] = found;
  const wanted = versions[service];
  const version = query.get('api-version') ?? undefined;
  return [
    ...(version === wanted
      ? []
      : [`${method} ${path}: api-version ${version ?? ''} instead of ${wanted ?? ''}`]),
    ...[...query.keys()]
      .filter((key) => key !== 'api-version' && !names.includes(key))
      .map((key) => `${method} ${path}: the query parameter ${key} is not known`),
    ...(body === '' || (method === 'PATCH' && isTags(body)) ? [] : [`${method} ${path} takes no such body`]),
  ];
}

/** What of `VirtualMachineUpdate` and `ImageUpdate` is sent: all tags that it is to have. */
function isTags(body: string): boolean {
  const { tags, ...others } = JSON.parse(body) as Json;
  return (
    Object.keys(others).length === 0 && Object.values(tags as Json).every((each) => typeof each === 'string')
  );
}

/** Type and name of a resource, as templates have them. */
function typeOf(path: string): { readonly type: string; readonly name: string } {
  const [, group, rest] = /^\/resourceGroups\/([^/]+)(?:\/providers\/(.+))?$/.exec(path) ?? [];
  if (rest === undefined) {
    return { type: 'Microsoft.Resources/resourceGroups', name: group ?? '' };
  }
  const [provider = '', ...parts] = rest.split('/');
  return {
    type: [provider, ...parts.filter((_, index) => index % 2 === 0)].join('/'),
    name: parts.filter((_, index) => index % 2 === 1).join('/'),
  };
}

/** What is not listed is refused; sizes are open, as Azure adds some every month. */
function close(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    return value.map((each) => close(each));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (key === 'vmSize') {
    return { type: 'string' };
  }
  const object = value as Json;
  const copy = Object.fromEntries(Object.entries(object).map(([name, part]) => [name, close(part, name)]));
  const isOpen =
    object['type'] === 'object' &&
    object['properties'] !== undefined &&
    object['additionalProperties'] === undefined;
  return isOpen ? { ...copy, additionalProperties: false } : copy;
}

function problemsOf(type: string, { errors }: ValidateFunction): string[] {
  return (errors ?? [])
    .slice(0, 5)
    .map(
      ({ instancePath, message, params }) =>
        `PUT ${type}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
    );
}
