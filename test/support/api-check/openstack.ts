import { Ajv2019 } from 'ajv/dist/2019.js';
import type { ValidateFunction } from 'ajv';
import { ajvOptions, type CheckRequest } from './described.ts';

// Requests to OpenStack, as its API references describe them: there is no description for machines. Only what the driver
// sends is here, and all of it is closed: what is not listed must not be sent.

type Schema = Readonly<Record<string, unknown>>;

interface Operation {
  readonly method: string;
  /** `*` stands for one segment. */
  readonly path: string;
  readonly query?: readonly string[];
  readonly body?: Schema;
}

const text = { type: 'string', minLength: 1, maxLength: 255 };
const id = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$' };
const uuid = { type: 'string', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' };
const nothing = { type: 'null' };

function object(required: Schema, optional: Schema = {}): Schema {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  };
}

function oneOf(...schemas: readonly Schema[]): Schema {
  return { oneOf: schemas };
}

function metadata(): Schema {
  return {
    type: 'object',
    propertyNames: { pattern: '^[a-zA-Z0-9_:. -]{1,255}$' },
    additionalProperties: { type: 'string', maxLength: 255 },
  };
}

// Keystone: Identity API v3, "Password authentication with scoped authorization" and its neighbours.
const domain = oneOf(object({ id: text }), object({ name: text }));
const named = (more: Schema): Schema =>
  oneOf(object({ id: text, ...more }), object({ name: text, domain, ...more }));
const method = (name: string, schema: Schema): Schema =>
  object({ methods: { const: [name] }, [name]: schema });
const auth = object({
  auth: oneOf(
    object(
      {
        identity: method('password', object({ user: named({ password: { type: 'string', minLength: 1 } }) })),
      },
      { scope: object({ project: named({}) }) },
    ),
    object({ identity: method('token', object({ id: text })) }, { scope: object({ project: named({}) }) }),
    // An application credential has its project; a scope besides is refused.
    object({
      identity: method(
        'application_credential',
        oneOf(object({ id: text, secret: text }), object({ name: text, secret: text, user: named({}) })),
      ),
    }),
  ),
});

// Nova: Compute API, "Create server".
const blockDevice = object(
  {
    boot_index: { type: 'integer', minimum: -1 },
    uuid,
    source_type: { enum: ['image', 'volume', 'snapshot', 'blank'] },
    destination_type: { enum: ['local', 'volume'] },
    delete_on_termination: { type: 'boolean' },
  },
  {
    volume_size: { type: 'integer', minimum: 1 },
    volume_type: text,
    device_name: { type: 'string', pattern: '^/dev/[a-z0-9/]+$' },
  },
);
const server = object(
  {
    server: object(
      { name: { ...text, pattern: '^\\S(.*\\S)?$' }, flavorRef: id },
      {
        imageRef: uuid,
        key_name: text,
        networks: { type: 'array', minItems: 1, items: object({ uuid }) },
        security_groups: { type: 'array', minItems: 1, items: object({ name: text }) },
        availability_zone: text,
        config_drive: { type: 'boolean' },
        user_data: { type: 'string', maxLength: 65_535, pattern: '^[A-Za-z0-9+/]+={0,2}$' },
        metadata: metadata(),
        block_device_mapping_v2: { type: 'array', minItems: 1, items: blockDevice },
      },
    ),
  },
  { 'os:scheduler_hints': object({ group: uuid }) },
);
const action = oneOf(
  ...['os-start', 'os-stop', 'resume', 'unpause', 'unshelve'].map((name) => object({ [name]: nothing })),
  object({ 'os-getConsoleOutput': object({}, { length: { type: ['integer', 'string', 'null'] } }) }),
  object({ createImage: object({ name: text }, { metadata: metadata() }) }),
  object({ reboot: object({ type: { enum: ['SOFT', 'HARD'] } }) }),
);
const keyPair = object({
  keypair: object({
    name: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,255}$' },
    public_key: { type: 'string', pattern: '^(ssh-ed25519|ssh-rsa|ecdsa-sha2-\\S+) [A-Za-z0-9+/]+=*( .*)?$' },
  }),
});

// Neutron: Networking API v2.0.
const securityGroup = object({
  security_group: object({ name: text, description: { type: 'string', maxLength: 255 } }),
});
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const rule = object({
  security_group_rule: object({
    security_group_id: uuid,
    direction: { enum: ['ingress', 'egress'] },
    ethertype: { enum: ['IPv4', 'IPv6'] },
    protocol: { enum: ['tcp', 'udp'] },
    port_range_min: port,
    port_range_max: port,
    remote_ip_prefix: { type: 'string', pattern: '^[0-9a-fA-F.:]+/\\d{1,3}$' },
  }),
});
const newFloatingIp = object({
  floatingip: object(
    { floating_network_id: uuid },
    { port_id: uuid, description: { type: 'string', maxLength: 255 } },
  ),
});
const floatingIpChange = object({ floatingip: object({ port_id: { anyOf: [uuid, nothing] } }) });

// Cinder: Block Storage API v3.
const volume = object({
  volume: object(
    { size: { type: 'integer', minimum: 1 } },
    { name: text, volume_type: text, metadata: metadata() },
  ),
});

// Glance: Image Service API v2, "Update image" with patches of version 2.1.
const imagePatch = {
  type: 'array',
  minItems: 1,
  items: object({
    op: { enum: ['add', 'replace'] },
    path: { type: 'string', pattern: '^/[a-zA-Z0-9_-]+$' },
    value: { type: 'string', maxLength: 255 },
  }),
};

const page = ['marker'];
const operations: readonly Operation[] = [
  { method: 'POST', path: '/identity/v3/auth/tokens', body: auth },
  { method: 'GET', path: '/compute/v2.1/flavors/detail', query: page },
  { method: 'GET', path: '/compute/v2.1/flavors/*' },
  { method: 'GET', path: '/compute/v2.1/limits' },
  { method: 'GET', path: '/compute/v2.1/os-server-groups', query: page },
  { method: 'GET', path: '/compute/v2.1/os-server-groups/*' },
  { method: 'GET', path: '/compute/v2.1/os-keypairs', query: page },
  { method: 'POST', path: '/compute/v2.1/os-keypairs', body: keyPair },
  { method: 'GET', path: '/compute/v2.1/os-keypairs/*' },
  { method: 'DELETE', path: '/compute/v2.1/os-keypairs/*' },
  { method: 'GET', path: '/compute/v2.1/servers/detail', query: [...page, 'name'] },
  { method: 'POST', path: '/compute/v2.1/servers', body: server },
  { method: 'GET', path: '/compute/v2.1/servers/*' },
  { method: 'DELETE', path: '/compute/v2.1/servers/*' },
  { method: 'POST', path: '/compute/v2.1/servers/*/action', body: action },
  { method: 'POST', path: '/compute/v2.1/servers/*/metadata', body: object({ metadata: metadata() }) },
  { method: 'DELETE', path: '/compute/v2.1/servers/*/metadata/*' },
  // A list can be asked for by any property.
  {
    method: 'GET',
    path: '/image/v2/images',
    query: [...page, 'name', 'status', 'owner', 'tsmachine-owner', 'tsmachine-id'],
  },
  { method: 'GET', path: '/image/v2/images/*' },
  { method: 'PATCH', path: '/image/v2/images/*', body: imagePatch },
  { method: 'DELETE', path: '/image/v2/images/*' },
  { method: 'GET', path: '/network/v2.0/networks', query: [...page, 'name', 'router:external'] },
  { method: 'GET', path: '/network/v2.0/networks/*' },
  { method: 'GET', path: '/network/v2.0/ports', query: [...page, 'device_id'] },
  { method: 'GET', path: '/network/v2.0/security-groups', query: [...page, 'name', 'project_id'] },
  { method: 'POST', path: '/network/v2.0/security-groups', body: securityGroup },
  { method: 'DELETE', path: '/network/v2.0/security-groups/*' },
  { method: 'POST', path: '/network/v2.0/security-group-rules', body: rule },
  { method: 'GET', path: '/network/v2.0/floatingips', query: [...page, 'project_id'] },
  { method: 'POST', path: '/network/v2.0/floatingips', body: newFloatingIp },
  { method: 'GET', path: '/network/v2.0/floatingips/*' },
  { method: 'PUT', path: '/network/v2.0/floatingips/*', body: floatingIpChange },
  { method: 'DELETE', path: '/network/v2.0/floatingips/*' },
  { method: 'GET', path: '/volume/v3/*/volumes/detail', query: page },
  { method: 'POST', path: '/volume/v3/*/volumes', body: volume },
  { method: 'GET', path: '/volume/v3/*/volumes/*' },
  { method: 'DELETE', path: '/volume/v3/*/volumes/*' },
  { method: 'POST', path: '/volume/v3/*/volumes/*/metadata', body: object({ metadata: metadata() }) },
  { method: 'GET', path: '/volume/v3/*/snapshots/detail', query: page },
  { method: 'GET', path: '/volume/v3/*/snapshots/*' },
  { method: 'DELETE', path: '/volume/v3/*/snapshots/*' },
];

const compiled = new Map<Schema, ValidateFunction>();

/** What is wrong with a request to one of the services, each of which has a path of its own on the stand-in. */
export const checkOpenStackRequest: CheckRequest = ({ method: sent, path, query, body }) => {
  const fitting = operations
    .filter((one) => one.method === sent && fits(one.path, path))
    .sort((one, other) => one.path.split('*').length - other.path.split('*').length);
  const [operation] = fitting;
  if (operation === undefined) {
    return [`${sent} ${path} is not described`];
  }
  const key = `${sent} ${operation.path}`;
  const unknown = [...query.keys()].filter((name) => operation.query?.includes(name) !== true);
  const problems = unknown.map((name) => `${key}: the query parameter ${name} is not described`);
  if (operation.body === undefined || body === '') {
    const isRight = (operation.body === undefined) === (body === '');
    return isRight ? problems : [...problems, `${key}: a body is ${body === '' ? 'missing' : 'too much'}`];
  }
  const validate = compiled.get(operation.body) ?? new Ajv2019(ajvOptions).compile(operation.body);
  compiled.set(operation.body, validate);
  validate(JSON.parse(body));
  const errors = (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${key}: ${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
  return [...problems, ...errors];
};

function fits(template: string, path: string): boolean {
  const [wanted, given] = [template.split('/'), path.split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, index) => (part === '*' ? given[index] !== '' : part === given[index]))
  );
}
