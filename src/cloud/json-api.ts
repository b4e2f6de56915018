import { isMachineError, MachineError } from '../core/errors.ts';
import type { Host, HttpAnswer, HttpRequest } from '../host/types.ts';
import { askOnce } from './ask-together.ts';
import { createApiClient, verdictOfStatus, type ApiClientOptions, type Verdict } from './api-client.ts';

/** A cloud that takes and gives JSON, and says by the status of HTTP how it went. */
export interface JsonApi {
  /**
   * Sends a request until it has a final answer.
   * @throws MachineError `cloud-refused` and `credentials-refused` with the facts `status` and `cloudCode`;
   *   `request-failed` when there was no answer, or none that can be read.
   */
  call(request: JsonRequest): Promise<JsonAnswer>;
}

/** One request. */
export interface JsonRequest {
  readonly method: HttpRequest['method'];
  /** Behind the base; a whole URL is taken as it is. */
  readonly path: string;
  /** A value that is undefined is left out; a list is sent as often as it has values. */
  readonly query?: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
  /** Sent as JSON; keys that are undefined are left out. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sending it twice has the effect of sending it once. When left out: everything but POST and PATCH. */
  readonly isRepeatable?: boolean;
  /** For one sending; a minute when left out. */
  readonly timeoutMs?: number;
  /** What is asked is the same for all machines of a command, and is asked once: see askOnce. */
  readonly isOffer?: boolean;
}

/** A final answer that is no error. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined for an empty one. */
  readonly body: unknown;
}

/** What an answer that is an error says. */
export interface CloudError {
  /** The cloud's name for it: `uniqueness_error`. */
  readonly code: string;
  readonly message: string;
}

/** How a cloud is talked to. */
export interface JsonApiOptions extends Pick<
  ApiClientOptions,
  'signal' | 'emit' | 'bucket' | 'retriesMax' | 'allowsPlainHttp' | 'tls'
> {
  readonly host: Host;
  /** As it is called in messages: `DigitalOcean`. */
  readonly title: string;
  /** Without a slash at its end: `https://api.digitalocean.com/v2`. */
  readonly baseUrl: string;
  /** Headers that prove who asks. `isRenewal`: what was given last was refused. */
  readonly authorization: (isRenewal: boolean) => Promise<Readonly<Record<string, string>>>;
  /** Reads an error out of the body of an answer; undefined when it has none of the cloud's form. */
  readonly readError: (body: unknown) => CloudError | undefined;
  /** Errors by code that mean something else than their status says. */
  readonly judgeCode?: (code: string, status: number) => Verdict | undefined;
  /** Codes of errors that are about credentials, besides the statuses 401 and 403. */
  readonly isCredentialsCode?: (code: string, status: number) => boolean;
  /** Codes of errors that are not, whatever their status: a limit of the account (403). */
  readonly isOtherCode?: (code: string, status: number) => boolean;
}

/** Opens an API. Nothing is sent before something is asked. */
export function openJsonApi(options: JsonApiOptions): JsonApi {
  let isRenewal = false;
  const client = createApiClient({
    ...options,
    authorize: async (request) => ({
      ...request,
      headers: { ...request.headers, ...(await options.authorization(isRenewal)) },
    }),
    judge: (answer) => judge(options, answer),
  });
  const send = async (request: JsonRequest): Promise<HttpAnswer> =>
    client.send(
      {
        method: request.method,
        url: urlOf(options.baseUrl, request),
        headers: {
          accept: 'application/json',
          ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...request.headers,
        },
        ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      },
      {
        isRepeatable: request.isRepeatable ?? !/^(?:POST|PATCH)$/.test(request.method),
        isRemoval: request.method === 'DELETE',
        ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
      },
    );
  const call: JsonApi['call'] = async (request) => {
    let answer = await send(request);
    if (answer.status === 401) {
      // Tokens end; once, another one is tried. Nothing was done with a request that was turned away.
      isRenewal = true;
      answer = await send(request).finally(() => {
        isRenewal = false;
      });
    }
    const { status, headers } = answer;
    const body = parse(answer.body);
    if (status >= 200 && status < 300 && body !== unreadable) {
      return { status, headers, body };
    }
    throw refusal(options, request, answer);
  };
  return {
    call: async (request) => {
      if (request.isOffer !== true) {
        return call(request);
      }
      // Whoever has the same token is offered the same. It stays in memory.
      const who = await options.authorization(false);
      const topic = JSON.stringify([who, urlOf(options.baseUrl, request)]);
      return askOnce(options.host, { topic, ask: async () => call(request) });
    },
  };
}

/** The cloud's name for what went wrong, if it said one. */
export function cloudCode(error: unknown): string | undefined {
  const code = isMachineError(error) ? error.facts['cloudCode'] : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The status of the answer that an error is about. */
export function cloudStatus(error: unknown): number | undefined {
  const status = isMachineError(error) ? error.facts['status'] : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The result, or undefined when the cloud does not know what was asked for (404, 410). */
export async function unlessMissing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    const status = cloudStatus(error);
    if (isMachineError(error) && error.code === 'cloud-refused' && (status === 404 || status === 410)) {
      return undefined;
    }
    throw error;
  }
}

const unreadable = Symbol('unreadable');

function parse(text: string): unknown {
  if (text.trim() === '') {
    return undefined;
  }
  try {
    return JSON.parse(text);
  } catch {
    return unreadable;
  }
}

function judge({ readError, judgeCode }: JsonApiOptions, { status, body }: HttpAnswer): Verdict {
  const parsed = parse(body);
  const code = status < 400 || parsed === unreadable ? undefined : readError(parsed)?.code;
  const byCode = code === undefined ? undefined : judgeCode?.(code, status);
  // Half an answer, or the page of a proxy.
  return byCode ?? (parsed === unreadable && status < 400 ? 'passing' : verdictOfStatus(status));
}

function urlOf(baseUrl: string, { path, query = {} }: JsonRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each): [string, string] => [name, String(each)]),
  );
  const whole = /^https?:\/\//.test(path) ? path : `${baseUrl}${path}`;
  return pairs.length === 0 ? whole : `${whole}?${new URLSearchParams(pairs).toString()}`;
}

function refusal(options: JsonApiOptions, request: JsonRequest, { status, body }: HttpAnswer): MachineError {
  const { title, readError, isCredentialsCode, isOtherCode } = options;
  const what = `${request.method} ${new URL(urlOf(options.baseUrl, request)).pathname}`;
  const parsed = parse(body);
  const said = parsed === unreadable ? undefined : readError(parsed);
  if (said === undefined && status !== 401 && status !== 403 && status !== 404) {
    return new MachineError('request-failed', `${title} gave no answer to ${what} that can be read.`, {
      why: `${new URL(options.baseUrl).origin} answered with status ${status} and nothing of the form of ${title}.`,
      facts: { status },
    });
  }
  const { code, message } = said ?? { code: `status ${status}`, message: '' };
  const isCredentials =
    isOtherCode?.(code, status) !== true &&
    (status === 401 || status === 403 || isCredentialsCode?.(code, status) === true);
  const shown = message.replaceAll(/\p{Cc}/gu, ' ').slice(0, 1000);
  return new MachineError(
    isCredentials ? 'credentials-refused' : 'cloud-refused',
    `${title} refused ${what}: ${shown === '' ? code : shown}`,
    { why: `${code} (status ${status}).`, facts: { status, cloudCode: code } },
  );
}
