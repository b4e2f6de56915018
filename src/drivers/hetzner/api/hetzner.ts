import {
  cloudCode,
  openJsonApi,
  type CloudError,
  type JsonApi,
  type JsonRequest,
} from '../../../cloud/json-api.ts';
import { field, listField, numberField, textField } from '../../../cloud/json-fields.ts';
import { shareRates } from '../../../cloud/shared-rates.ts';
import type { Verdict } from '../../../cloud/api-client.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host } from '../../../host/types.ts';
import { findToken, type FoundToken, type TokenSources } from '../credentials.ts';

/** Hetzner's API as this driver talks to it. */
export interface Hetzner {
  /**
   * One thing of an answer.
   * @throws MachineError `cloud-refused`, `credentials-refused`, `request-failed` (also for an answer without it);
   *   `credentials-missing`.
   */
  ask<T>(request: JsonRequest, read: (body: unknown) => T | undefined): Promise<T>;
  /** For answers in which nothing is looked for. */
  send(request: JsonRequest): Promise<unknown>;
  /** All pages of a list: `/servers`. @throws like `ask`, also for an item that cannot be read. */
  list<T>(
    path: string,
    query: JsonRequest['query'],
    read: (item: unknown) => T | undefined,
  ): Promise<readonly T[]>;
  /** What the requests are sent with. */
  token(): Promise<FoundToken>;
}

/** Who asks, and where. */
export interface HetznerAccess {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly endpoint: string;
  readonly sources: TokenSources;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

const publicEndpoint = 'https://api.hetzner.cloud/v1';
/** Hetzner allows a project 3600 requests, of which one comes back each second; a removal always gets through. */
const budget = {
  limits: [
    { burst: 60, perSecond: 10 },
    { burst: 2400, perSecond: 1 },
  ],
  reserve: 200,
};
const retriesMax = 5;
/** Lists that are the same for all machines of a command. */
const offers: ReadonlySet<string> = new Set(['/server_types', '/images', '/locations']);
const perPage = 50;
const pagesMax = 1_000;

/** Errors that are no matter of credentials, though their status is 403. */
const limitCodes: ReadonlySet<string> = new Set([
  'resource_limit_exceeded',
  'server_limit_exceeded',
  'limit_reached',
]);

/** Opens the API. Nothing is sent, and no token is looked for, before something is asked. */
export function openHetzner(access: HetznerAccess): Hetzner {
  const { host, signal, emit, endpoint, sources } = access;
  let found: FoundToken | undefined;
  const token = async (): Promise<FoundToken> => {
    if (found === undefined) {
      found = await findToken(host, sources);
      emit({ type: 'debug', message: `Token of Hetzner from ${found.from}.` });
    }
    return found;
  };
  const api = openJsonApi({
    host,
    signal,
    emit,
    title: 'Hetzner',
    baseUrl: (endpoint === '' ? publicEndpoint : endpoint).replace(/\/+$/, ''),
    bucket: shareRates({
      host,
      directory: access.ratesDirectory,
      provider: 'hetzner',
      account: async () => [(await token()).token, endpoint],
      budget,
    }),
    retriesMax,
    authorization: async () => ({ authorization: `Bearer ${(await token()).token}` }),
    readError,
    judgeCode,
    isOtherCode: (code) => limitCodes.has(code),
  });
  return {
    token,
    send: async (request) => (await api.call(request)).body,
    ask: async (request, read) => readOrThrow(request, read, (await api.call(request)).body),
    list: async (path, query, read) => listAll(api, { path, query }, read),
  };
}

async function listAll<T>(
  api: JsonApi,
  { path, query }: { readonly path: string; readonly query: JsonRequest['query'] },
  read: (item: unknown) => T | undefined,
): Promise<readonly T[]> {
  const key = path.slice(1);
  const all: T[] = [];
  let page: number | undefined = 1;
  for (let count = 0; page !== undefined && count < pagesMax; count += 1) {
    const request: JsonRequest = {
      ...{ method: 'GET', path, query: { ...query, page, per_page: perPage } },
      // What carries a mark of ours is no offer: it changes while we look.
      isOffer: offers.has(path) && query?.['label_selector'] === undefined,
    };
    const { body } = await api.call(request);
    if (!Array.isArray(field(body, key))) {
      throw unreadable(request);
    }
    all.push(...listField(body, key).map((item) => readOrThrow(request, read, item)));
    page = numberField(body, 'meta', 'pagination', 'next_page');
  }
  return all;
}

function readOrThrow<T>(request: JsonRequest, read: (body: unknown) => T | undefined, body: unknown): T {
  const result = read(body);
  if (result === undefined) {
    throw unreadable(request);
  }
  return result;
}

function unreadable({ method, path }: JsonRequest): MachineError {
  const message = `Hetzner gave no answer to ${method} ${path} that can be read.`;
  return new MachineError('request-failed', message, { why: 'Something that was asked for is not in it.' });
}

/** `{"error": {"code": "…", "message": "…"}}` */
function readError(body: unknown): CloudError | undefined {
  const code = textField(body, 'error', 'code');
  return code === undefined ? undefined : { code, message: textField(body, 'error', 'message') ?? '' };
}

/** With these nothing was done. */
function judgeCode(code: string): Verdict | undefined {
  if (code === 'rate_limit_exceeded') {
    return 'throttled';
  }
  // Something else is being done to the thing at the moment.
  return code === 'locked' || code === 'conflict' ? 'busy' : undefined;
}

/** True for an error that says that the name, or the key, is there already. */
export function isDuplicate(error: unknown): boolean {
  return cloudCode(error) === 'uniqueness_error';
}
