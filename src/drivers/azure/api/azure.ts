import { openJsonApi, type CloudError, type JsonAnswer } from '../../../cloud/json-api.ts';
import { field, listField, textField } from '../../../cloud/json-fields.ts';
import { shareRates } from '../../../cloud/shared-rates.ts';
import type { Verdict } from '../../../cloud/api-client.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host } from '../../../host/types.ts';
import { bearerToken } from '../credentials/token-cache.ts';
import type { LoginWorld } from '../credentials/login.ts';
import { isWithin, unlessGone } from './gone.ts';
import { apiVersionOf } from './ids.ts';
import { waitForOperation } from './operation.ts';

/** The resource manager of Azure as this driver talks to it. Paths are ids of resources. */
export interface Azure {
  /**
   * @returns undefined for what is not there.
   * @throws MachineError `cloud-refused`, `credentials-refused`, `request-failed`, as all of them.
   */
  get(path: string, query?: Query): Promise<unknown>;
  /** Everything in a list that comes in pages; nothing for one whose place is not there. */
  list(path: string, query?: Query): Promise<readonly unknown[]>;
  /** Makes or changes a resource and returns it when that is done. */
  put(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<unknown>;
  /** Changes what stands in the body of a resource that is there, and returns when that is done. */
  change(path: string, body: unknown): Promise<void>;
  /** Carries out an action that does no harm twice, and returns when it is done. */
  act(path: string, query?: Query): Promise<void>;
  /** Removes a resource and returns when it is gone; also when it was gone before. */
  remove(path: string, query?: Query): Promise<void>;
}

type Query = Readonly<Record<string, string | boolean | undefined>>;

/** Who asks, and as whom. */
export interface AzureAccess {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** URL of the resource manager, without a slash at its end. */
  readonly management: string;
  readonly login: LoginWorld;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

/** Below what Azure allows a subscription: 250 reads at once and 25 a second, 200 writes and 10 a second. */
const budget = { limits: [{ burst: 60, perSecond: 8 }], reserve: 40 };
const retriesMax = 5;
const pagesMax = 1_000;

/** Nothing was done: somebody else is at it, or what is named is not ready yet. */
const busyCodes: ReadonlySet<string> = new Set([
  'AnotherOperationInProgress',
  'CanceledAndSupersededDueToAnotherOperation',
  'OperationPreempted',
  'ReferencedResourceNotProvisioned',
  'ResourceGroupBeingDeleted',
  'RetryableError',
]);
const throttlingCodes: ReadonlySet<string> = new Set([
  'ServerBusy',
  'SubscriptionRequestsThrottled',
  'TooManyRequests',
]);
const passingCodes: ReadonlySet<string> = new Set([
  'NetworkingInternalOperationError',
  'InternalServerError',
]);
/** A subscription that these credentials do not see is not one in which nothing is. */
const credentialCodes =
  /^(?:SubscriptionNotFound|InvalidSubscriptionId|(?:Invalid|Expired)AuthenticationToken.*)$/;

/** Opens the resource manager. Nothing is sent, and credentials are not looked for, before something is asked. */
export function openAzure({ host, signal, emit, management, login, ratesDirectory }: AzureAccess): Azure {
  const api = openJsonApi({
    host,
    signal,
    emit,
    title: 'Azure',
    baseUrl: management,
    bucket: shareRates({
      host,
      directory: ratesDirectory,
      provider: 'azure',
      account: async () => [management, login.subscriptionId],
      budget,
    }),
    retriesMax,
    authorization: async (isRenewal) => ({
      authorization: `Bearer ${await bearerToken(login, { isRenewal })}`,
    }),
    readError,
    judgeCode,
    isCredentialsCode: (code) => credentialCodes.test(code),
  });
  const call = async (
    method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE',
    path: string,
    {
      query = {},
      ...more
    }: {
      readonly query?: Query;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<JsonAnswer> => {
    const versioned = /^https?:/.test(path) ? {} : { 'api-version': apiVersionOf(path) };
    return api.call({ method, path, query: { ...versioned, ...query }, isRepeatable: true, ...more });
  };
  const read = async (path: string, query?: Query): Promise<unknown> => {
    const { body } = await call('GET', path, query === undefined ? {} : { query });
    return body ?? emptyAnswer(path);
  };
  const world = { clock: host.clock, signal, management, call, read };
  return {
    get: async (path, query) => unlessGone(() => read(path, query)),
    list: async (path, query) => {
      const all: unknown[] = [];
      let next: string | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const answer = await unlessGone(() => (next === undefined ? read(path, query) : read(next)));
        all.push(...listField(answer, 'value'));
        next = textField(answer, 'nextLink');
        // The token goes to nobody else.
        if (next === undefined || !isWithin(next, management)) {
          break;
        }
      }
      return all;
    },
    put: async (path, body, headers = {}) => {
      const answer = await call('PUT', path, { body, headers });
      const isDone = await waitForOperation(world, { answer, path });
      return isDone ? await read(path) : (answer.body ?? emptyAnswer(path));
    },
    change: async (path, body) => {
      await waitForOperation(world, { answer: await call('PATCH', path, { body }), path });
    },
    act: async (path, query) => {
      await waitForOperation(world, {
        answer: await call('POST', path, query === undefined ? {} : { query }),
      });
    },
    remove: async (path, query) => {
      const answer = await unlessGone(() => call('DELETE', path, query === undefined ? {} : { query }));
      if (answer !== undefined) {
        await waitForOperation(world, { answer });
      }
    },
  };
}

function readError(body: unknown): CloudError | undefined {
  // Compute wraps its errors, network does not always.
  const error = field(body, 'error') ?? body;
  const code = textField(error, 'code');
  if (code === undefined) {
    return undefined;
  }
  const inner = listField(error, 'details')
    .map((detail) => textField(detail, 'message'))
    .filter((message) => message !== undefined);
  const message = textField(error, 'message') ?? '';
  return { code, message: [message, ...inner.filter((each) => each !== message)].join(' ').trim() };
}

function judgeCode(code: string): Verdict | undefined {
  if (throttlingCodes.has(code)) {
    return 'throttled';
  }
  if (busyCodes.has(code)) {
    return 'busy';
  }
  return passingCodes.has(code) ? 'passing' : undefined;
}

function emptyAnswer(path: string): never {
  throw new MachineError('request-failed', `Azure gave no answer to GET ${path} that can be read.`, {
    why: 'The answer is empty.',
  });
}
