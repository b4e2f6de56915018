import { field, textField } from '../../cloud/json-fields.ts';
import { openJsonApi, type CloudError, type JsonApi, type JsonRequest } from '../../cloud/json-api.ts';
import { shareRates } from '../../cloud/shared-rates.ts';
import { MachineError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import type { Host } from '../../host/types.ts';
import type { DropletConfig, DropletState } from './config.ts';
import { findToken, type FoundToken, type TokenSources } from './credentials.ts';
import { baseUrlOf } from './endpoint.ts';

/** DigitalOcean as this driver talks to it. */
export interface DigitalOcean {
  /** @throws like JsonApi.call. */
  call(request: JsonRequest): Promise<unknown>;
  /**
   * Sends a request and reads one thing out of its answer.
   * @throws MachineError `request-failed` when it is not there.
   */
  one<T>(request: JsonRequest, key: string, read: (value: unknown) => T | undefined): Promise<T>;
  /** Everything of a list that comes in pages. @throws MachineError `request-failed` for an answer without the list. */
  list<T>(path: string, listing: Listing<T>): Promise<readonly T[]>;
}

/** What is listed. */
export interface Listing<T> {
  /** Under which the answer has the list. */
  readonly key: string;
  readonly query?: JsonRequest['query'];
  /** See JsonRequest.isOffer; never for what carries a mark of ours. */
  readonly isOffer?: boolean;
  /** What it cannot read is left out. */
  readonly read: (value: unknown) => T | undefined;
}

/** Who asks, and as whom. */
export interface DropletAccess {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly config: DropletConfig;
  readonly state: Pick<DropletState, 'context' | 'endpoint'>;
  /** By flag: see ProviderMaterial.secrets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

/** DigitalOcean allows 250 requests a minute and 5000 an hour; a removal always gets through. */
const budget = {
  limits: [
    { burst: 40, perSecond: 3 },
    { burst: 2500, perSecond: 0.6 },
  ],
  reserve: 20,
};
const retriesMax = 5;
const perPage = 200;
const pagesMax = 1_000;

/** Where flags and records keep the token. */
export function tokenSources({ config, state, secrets }: DropletAccess): TokenSources {
  return {
    given: secrets['digitalocean-access-token'] ?? config.accessToken,
    context: state.context,
  };
}

/** Opens the API. Nothing is sent, and no token is looked for, before something is asked. */
export function openDigitalOcean(access: DropletAccess): DigitalOcean {
  const { host, signal, emit, state } = access;
  let found: FoundToken | undefined;
  const baseUrl = baseUrlOf(state.endpoint);
  const token = async (): Promise<FoundToken> => {
    if (found === undefined) {
      found = await findToken(host, tokenSources(access));
      emit({ type: 'debug', message: `Token of DigitalOcean from ${found.from}.` });
    }
    return found;
  };
  const api = openJsonApi({
    host,
    signal,
    emit,
    title: 'DigitalOcean',
    baseUrl,
    bucket: shareRates({
      host,
      directory: access.ratesDirectory,
      provider: 'digitalocean',
      account: async () => [(await token()).token, baseUrl],
      budget,
    }),
    retriesMax,
    allowsPlainHttp: baseUrl.startsWith('http:'),
    authorization: async () => ({ authorization: `Bearer ${(await token()).token}` }),
    readError,
  });
  return {
    call: async (request) => (await api.call(request)).body,
    one: async (request, key, read) => {
      const value = read(field((await api.call(request)).body, key));
      return value ?? unreadable(request, key);
    },
    list: async (path, listing) => listAll(api, path, listing),
  };
}

async function listAll<T>(
  api: JsonApi,
  path: string,
  { key, query, isOffer = false, read }: Listing<T>,
): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; page <= pagesMax; page += 1) {
    const request: JsonRequest = {
      ...{ method: 'GET', path, query: { ...query, per_page: perPage, page } },
      isOffer,
    };
    const { body } = await api.call(request);
    const values = field(body, key);
    // No list is not an empty one: somebody would believe that nothing is left.
    if (!Array.isArray(values)) {
      unreadable(request, key);
    }
    all.push(
      ...values.flatMap((value) => {
        const one = read(value);
        return one === undefined ? [] : [one];
      }),
    );
    if (textField(body, 'links', 'pages', 'next') === undefined) {
      break;
    }
  }
  return all;
}

function unreadable({ method, path }: JsonRequest, key: string): never {
  throw new MachineError(
    'request-failed',
    `DigitalOcean gave no answer to ${method} ${path} that can be used.`,
    { why: `There is no ${JSON.stringify(key)} in it.` },
  );
}

/** Both forms of errors that the API has. */
export function readError(body: unknown): CloudError | undefined {
  const [id, message] = [textField(body, 'id'), textField(body, 'message')];
  if (id !== undefined && message !== undefined) {
    return { code: id, message };
  }
  const error = textField(body, 'error');
  return error === undefined ? undefined : { code: error, message: error };
}
