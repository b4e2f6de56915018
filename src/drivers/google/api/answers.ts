import type { CloudError } from '../../../cloud/json-api.ts';
import { field, listField, numberField, textField, textsField } from '../../../cloud/json-fields.ts';
import { lastPart, pathOf } from '../names.ts';

/** What Google's answers say, as far as it is needed. Pure. */

/** An instance. */
export interface Instance {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  /** `RUNNING`, `TERMINATED`, … */
  readonly status: string;
  readonly statusMessage?: string;
  readonly internalAddress?: string;
  readonly externalAddress?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  readonly tagsFingerprint?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly metadataFingerprint?: string;
  /** Path, `projects/P/global/networks/N`. */
  readonly network?: string;
}

/** Undefined for what is no instance. */
export function instanceOf(value: unknown): Instance | undefined {
  const [id, name, status] = [idOf(value), textField(value, 'name'), textField(value, 'status')];
  if (id === undefined || name === undefined || status === undefined) {
    return undefined;
  }
  const [nic] = listField(value, 'networkInterfaces');
  const [access] = listField(nic, 'accessConfigs');
  const items = listField(value, 'metadata', 'items').flatMap((item): (readonly [string, string])[] => {
    const [key, text] = [textField(item, 'key'), textField(item, 'value')];
    return key === undefined || text === undefined ? [] : [[key, text]];
  });
  const network = textField(nic, 'network');
  return {
    id,
    name,
    zone: lastPart(textField(value, 'zone') ?? ''),
    status,
    labels: textsField(value, 'labels'),
    tags: textsOf(value, 'tags', 'items'),
    metadata: Object.fromEntries(items),
    ...optional({
      statusMessage: textField(value, 'statusMessage'),
      internalAddress: textField(nic, 'networkIP'),
      externalAddress: textField(access, 'natIP'),
      tagsFingerprint: textField(value, 'tags', 'fingerprint'),
      metadataFingerprint: textField(value, 'metadata', 'fingerprint'),
      network: network === undefined ? undefined : pathOf(network),
    }),
  };
}

/** A disk. */
export interface Disk {
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function diskOf(value: unknown): Disk | undefined {
  const [id, name] = [idOf(value), textField(value, 'name')];
  return id === undefined || name === undefined
    ? undefined
    : { id, name, zone: lastPart(textField(value, 'zone') ?? ''), labels: textsField(value, 'labels') };
}

/** A firewall rule. */
export interface FirewallRule {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly targetTags: readonly string[];
}

export function firewallOf(value: unknown): FirewallRule | undefined {
  const [id, name] = [idOf(value), textField(value, 'name')];
  return id === undefined || name === undefined
    ? undefined
    : {
        id,
        name,
        description: textField(value, 'description') ?? '',
        targetTags: textsOf(value, 'targetTags'),
      };
}

/** An image. */
export interface Image {
  readonly name: string;
  /** `PROJECT/global/images/NAME`. */
  readonly path: string;
  /** Smallest disk that takes it; 0 when that is not known. */
  readonly sizeGb: number;
  /** `X86_64` or `ARM64`; undefined for old ones. */
  readonly architecture?: string;
  /** `PENDING`, `READY`, `FAILED`, `DELETING`. */
  readonly status: string;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly labelFingerprint?: string;
}

export function imageOf(value: unknown): Image | undefined {
  const [name, link] = [textField(value, 'name'), textField(value, 'selfLink')];
  const size = Number(field(value, 'diskSizeGb') ?? 0);
  return name === undefined || link === undefined
    ? undefined
    : {
        name,
        path: pathOf(link).replace(/^projects\//, ''),
        sizeGb: Number.isSafeInteger(size) ? size : 0,
        status: textField(value, 'status') ?? '',
        description: textField(value, 'description') ?? '',
        labels: textsField(value, 'labels'),
        ...optional({
          architecture: textField(value, 'architecture'),
          labelFingerprint: textField(value, 'labelFingerprint'),
        }),
      };
}

/** A limit of a project or region. */
export interface Quota {
  readonly metric: string;
  readonly limit: number;
  readonly usage: number;
}

export function quotasOf(value: unknown): readonly Quota[] {
  return listField(value, 'quotas').flatMap((quota) => {
    const metric = textField(quota, 'metric');
    const [limit, usage] = [numberField(quota, 'limit'), numberField(quota, 'usage')];
    return metric === undefined || limit === undefined || usage === undefined
      ? []
      : [{ metric, limit, usage }];
  });
}

/** Something that Google does in its own time. */
export interface Operation {
  readonly name: string;
  /** `insert`, `delete`, … */
  readonly type: string;
  readonly isDone: boolean;
  readonly targetId?: string;
  readonly error?: CloudError & { readonly status?: number };
}

export function operationOf(value: unknown): Operation | undefined {
  const [name, status] = [textField(value, 'name'), textField(value, 'status')];
  if (name === undefined || !/^[A-Za-z0-9_-]{1,200}$/.test(name) || status === undefined) {
    return undefined;
  }
  const [first] = listField(value, 'error', 'errors');
  const httpStatus = numberField(value, 'httpErrorStatusCode');
  const said =
    first === undefined
      ? undefined
      : { code: textField(first, 'code') ?? 'UNKNOWN', message: textField(first, 'message') ?? '' };
  const error = said === undefined ? undefined : { ...said, ...optional({ status: httpStatus }) };
  const targetId = field(value, 'targetId');
  return {
    name,
    type: textField(value, 'operationType') ?? 'an operation',
    isDone: status === 'DONE',
    ...optional({ targetId: typeof targetId === 'string' ? targetId : undefined, error }),
  };
}

/** Google's errors: `{"error": {"code": 404, "message": …, "errors": [{"reason": …}]}}`. */
export function readError(body: unknown): CloudError | undefined {
  const error = field(body, 'error');
  const message = textField(error, 'message');
  if (message === undefined) {
    return undefined;
  }
  const [first] = listField(error, 'errors');
  const code = textField(first, 'reason') ?? textField(error, 'status') ?? String(numberField(error, 'code'));
  return { code, message };
}

/** The items of a list; those of an aggregated one are in lists by zone. */
export function itemsOf(body: unknown, isAggregated: boolean): readonly unknown[] {
  if (!isAggregated) {
    return listField(body, 'items');
  }
  const scopes = field(body, 'items');
  return Object.values(typeof scopes === 'object' && scopes !== null ? scopes : {}).flatMap(
    (scope: unknown) =>
      Object.values(typeof scope === 'object' && scope !== null ? scope : {}).flatMap(
        (list: unknown): readonly unknown[] => (Array.isArray(list) ? list : []),
      ),
  );
}

/** Numbers of 64 bits are texts. */
function idOf(value: unknown): string | undefined {
  const id = textField(value, 'id');
  return id !== undefined && /^\d{1,20}$/.test(id) ? id : undefined;
}

function textsOf(value: unknown, ...names: readonly string[]): readonly string[] {
  return listField(value, ...names).filter((each): each is string => typeof each === 'string');
}

/** Without keys that are undefined. */
function optional<T extends Readonly<Record<string, unknown>>>(
  values: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
