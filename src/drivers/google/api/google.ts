import { shareRates } from '../../../cloud/shared-rates.ts';
import { cloudCode, cloudStatus, openJsonApi, unlessMissing, type JsonApi } from '../../../cloud/json-api.ts';
import type { Verdict } from '../../../cloud/api-client.ts';
import { textField } from '../../../cloud/json-fields.ts';
import { isMachineError, MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import { waitFor } from '../../../core/wait.ts';
import type { Host } from '../../../host/types.ts';
import type { GoogleConfig, GoogleState } from '../config.ts';
import { findToken } from '../credentials/credentials.ts';
import type { AccessToken } from '../credentials/document.ts';
import { newUuid } from '../../uuid.ts';
import { itemsOf, operationOf, readError, type Operation } from './answers.ts';

/** Compute Engine as this driver talks to it. All paths begin with `projects/`. */
export interface Google {
  /** @throws MachineError `cloud-refused`, `credentials-refused` (facts `status`, `cloudCode`), `request-failed`. */
  get(path: string): Promise<unknown>;
  /** Undefined when there is no such thing. */
  find(path: string): Promise<unknown>;
  /** All pages of a list. An aggregated one is all zones, with what cannot be reached left out. */
  list(path: string, query: { readonly filter?: string }): Promise<readonly unknown[]>;
  /**
   * Sends a change and waits until Google has carried it out. Sending it again has no further effect.
   * @throws MachineError like `get`, also when it began and failed; `timeout`.
   */
  change(change: Change): Promise<Operation>;
  /** Waits until an operation that was begun earlier is over, however it ends. */
  settle(operation: Operation, scope: string): Promise<void>;
}

/** A change. */
export interface Change {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  /** UUID by which Google knows a request that it has seen; a new one when left out. */
  readonly requestId?: string;
  /** Google takes no such id here: the change itself must be one that may be sent again. */
  readonly hasNoId?: true;
  /** So long Google may take to carry it out; ten minutes when left out. */
  readonly timeoutMs?: number;
  /** Called as soon as Google has taken the request. */
  readonly onAccepted?: (operation: Operation) => Promise<void>;
}

/** Who asks. */
export interface GoogleAccess {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly config: GoogleConfig;
  readonly state: GoogleState;
  /** By flag: see ProviderMaterial.secrets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

const defaultEndpoint = 'https://compute.googleapis.com';
/** Below what Google allows a project, so that a removal always gets through. */
const budget = { limits: [{ burst: 40, perSecond: 10 }], reserve: 20 };
const retriesMax = 5;
/** Tokens are asked for again so long before they end. */
const renewBeforeMs = 120_000;
const operationTimeoutMs = 10 * 60_000;
/** Google answers to `wait` after two minutes at the latest. */
const waitAnswerTimeoutMs = 150_000;
const waitPauseMs = 1_000;
const waitPauseMaxMs = 3_000;
/** An operation that was begun a moment ago may not be known everywhere. */
const unknownTimeoutMs = 30_000;
const pagesMax = 1_000;
const throttlingCodes: ReadonlySet<string> = new Set(['rateLimitExceeded', 'userRateLimitExceeded']);
/** Something else is being done with it at this moment. */
const busyCode = 'resourceNotReady';
const otherCodes: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'quotaExceeded',
  'limitExceeded',
]);

/** Tokens that are still good, by who asks for what; for one process only. */
const tokens = new WeakMap<Host, Map<string, Promise<AccessToken>>>();

/** Opens Compute Engine. Nothing is sent, and credentials are not looked for, before something is asked. */
export function openGoogle(access: GoogleAccess): Google {
  const { host, signal, emit, state } = access;
  const api = openJsonApi({
    host,
    signal,
    emit,
    title: 'Google',
    baseUrl: `${state.endpoint === '' ? defaultEndpoint : state.endpoint}/compute/v1`,
    bucket: shareRates({
      host,
      directory: access.ratesDirectory,
      provider: 'google',
      account: async () => [access.config.project, state.endpoint],
      budget,
    }),
    retriesMax,
    authorization: async (isRenewal) => {
      const { token, quotaProject } = await currentToken(access, isRenewal);
      return {
        authorization: `Bearer ${token}`,
        ...(quotaProject === undefined ? {} : { 'x-goog-user-project': quotaProject }),
      };
    },
    readError,
    judgeCode: (code): Verdict | undefined => {
      const otherwise = code === busyCode ? 'busy' : undefined;
      return throttlingCodes.has(code) ? 'throttled' : otherwise;
    },
    isOtherCode: (code) => otherCodes.has(code),
  });
  const find: Google['find'] = async (path) =>
    unlessMissing(async () => (await api.call({ method: 'GET', path: `/${path}` })).body);
  return {
    get: async (path) => (await api.call({ method: 'GET', path: `/${path}` })).body,
    find,
    list: async (path, query) => listAll(api, path, query),
    change: async (change) => carryOut(access, api, change),
    settle: async (operation, scope) => {
      await waitUntilDone(access, api, { scope, operation, timeoutMs: operationTimeoutMs });
    },
  };
}

async function currentToken(access: GoogleAccess, isRenewal: boolean): Promise<AccessToken> {
  const { host, config, secrets } = access;
  const given = secrets['google-auth-encoded-json'] ?? config.credentials;
  const kept = tokens.get(host) ?? new Map<string, Promise<AccessToken>>();
  tokens.set(host, kept);
  const present = isRenewal ? undefined : await kept.get(given)?.catch(() => undefined);
  if (present !== undefined && present.expiresMs - host.clock.nowMs() > renewBeforeMs) {
    return present;
  }
  const asked = findToken(access, given);
  kept.set(given, asked);
  return asked;
}

async function listAll(
  api: JsonApi,
  path: string,
  { filter }: { readonly filter?: string },
): Promise<readonly unknown[]> {
  const all = [];
  let pageToken: string | undefined;
  const isAggregated = path.includes('/aggregated/');
  for (let page = 0; page < pagesMax; page += 1) {
    const { body } = await api.call({
      method: 'GET',
      path: `/${path}`,
      query: { filter, pageToken, maxResults: 500, ...(isAggregated ? { returnPartialSuccess: true } : {}) },
    });
    all.push(...itemsOf(body, isAggregated));
    pageToken = textField(body, 'nextPageToken');
    if (pageToken === undefined) {
      break;
    }
  }
  return all;
}

async function carryOut(access: GoogleAccess, api: JsonApi, change: Change): Promise<Operation> {
  const { method, path, body, onAccepted, timeoutMs = operationTimeoutMs } = change;
  const requestId = change.hasNoId === true ? undefined : (change.requestId ?? newUuid(access.host));
  const answer = await api.call({
    method,
    path: `/${path}`,
    query: { requestId },
    ...(body === undefined ? {} : { body }),
    isRepeatable: true,
  });
  const begun = operationOf(answer.body);
  if (begun === undefined) {
    throw new MachineError('request-failed', `Google answered to ${method} ${path}, but names no operation.`);
  }
  await onAccepted?.(begun);
  const scope = /^projects\/[^/]+\/(?:zones\/[^/]+|regions\/[^/]+|global)/.exec(path)?.[0] ?? '';
  const done = await waitUntilDone(access, api, { scope, operation: begun, timeoutMs });
  if (done.error !== undefined) {
    const { code, message, status } = done.error;
    const shown = message.replaceAll(/\p{Cc}/gu, ' ').slice(0, 1000);
    throw new MachineError(
      'cloud-refused',
      `Google could not carry out ${method} ${path}: ${shown || code}`,
      {
        why: `${code}.`,
        facts: { cloudCode: code, ...(status === undefined ? {} : { status }) },
      },
    );
  }
  return done;
}

async function waitUntilDone(
  { host, signal }: GoogleAccess,
  api: JsonApi,
  {
    scope,
    operation,
    timeoutMs,
  }: { readonly scope: string; readonly operation: Operation; readonly timeoutMs: number },
): Promise<Operation> {
  if (operation.isDone) {
    return operation;
  }
  const beganMs = host.clock.monotonicMs();
  const path = `/${scope}/operations/${operation.name}/wait`;
  return waitFor(
    async () => {
      const call = { method: 'POST', path, isRepeatable: true, timeoutMs: waitAnswerTimeoutMs } as const;
      const answer = await unlessMissing(async () => api.call(call));
      if (answer === undefined && host.clock.monotonicMs() - beganMs > unknownTimeoutMs) {
        // Operations that are over are forgotten after some days.
        return { ...operation, isDone: true };
      }
      const now = operationOf(answer?.body);
      return now?.isDone === true ? now : undefined;
    },
    {
      clock: host.clock,
      timeoutMs,
      intervalMs: waitPauseMs,
      intervalMaxMs: waitPauseMaxMs,
      signal,
      code: 'timeout',
      what: `Google to carry out ${operation.type}`,
      hint: () => `The operation ${operation.name} has begun and does not end.`,
    },
  );
}

/** True for an error that says that something is not there. */
export function isMissing(error: unknown): boolean {
  return (
    isMachineError(error) &&
    error.code === 'cloud-refused' &&
    (cloudStatus(error) === 404 || cloudCode(error) === 'RESOURCE_NOT_FOUND')
  );
}

/** True for an error that says that something of the name is there already. */
export function isPresent(error: unknown): boolean {
  return (
    cloudStatus(error) === 409 || /^(?:alreadyExists|RESOURCE_ALREADY_EXISTS)$/.test(cloudCode(error) ?? '')
  );
}

/** True for an error that says that something else uses it. */
export function isInUse(error: unknown): boolean {
  return /^(?:resourceInUseByAnotherResource|RESOURCE_IN_USE_BY_ANOTHER_RESOURCE)$/.test(
    cloudCode(error) ?? '',
  );
}
