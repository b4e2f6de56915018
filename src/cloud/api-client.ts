import { MachineError, messageOf } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { Host, HttpAnswer, HttpRequest, HttpTrust } from '../host/types.ts';
import { askedPauseMs, backOffMs, randomFraction } from './back-off.ts';
import type { RateBucket } from './rate-bucket.ts';
import { redactHeaders, redactText } from './redact.ts';

/** A request before it is signed. */
export type ApiRequest = Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>;

/** What an answer means for those who send again. */
export type Verdict =
  | 'final'
  /** The server takes no more requests for now and did nothing: always sent again, and others wait too. */
  | 'throttled'
  /** Something else is being done with it at the moment, and nothing was done: always sent again. */
  | 'busy'
  /** Something broke, and nobody knows how far it came: sent again where that does no harm. */
  | 'passing';

/** How a cloud is talked to. */
export interface ApiClientOptions {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly bucket?: RateBucket;
  /** So often is sent again what failed in passing; turning away for lack of time does not count. */
  readonly retriesMax: number;
  /** Adds what proves who asks, afresh for each sending. */
  readonly authorize: (request: ApiRequest) => Promise<ApiRequest>;
  /** Judges an answer by what the cloud's errors are called; `verdictOfStatus` is the base. */
  readonly judge: (answer: HttpAnswer) => Verdict;
  readonly allowsPlainHttp?: boolean;
  readonly tls?: HttpTrust;
}

/** How one request is sent. */
export interface SendOptions {
  /** Sending it twice has the effect of sending it once. */
  readonly isRepeatable: boolean;
  /** Removes something: there is more patience, as something would be left that costs money. */
  readonly isRemoval?: boolean;
  /** For one sending; a minute when left out. */
  readonly timeoutMs?: number;
}

/** Sends requests to a cloud until there is a final answer. */
export interface ApiClient {
  /**
   * @returns the last answer, also when it is an error.
   * @throws MachineError `request-failed` when there was none; the signal's reason when aborted.
   */
  send(request: ApiRequest, options: SendOptions): Promise<HttpAnswer>;
}

const attemptTimeoutMs = 60_000;
/** For all attempts of one request together. */
const budgetMs = 4 * 60_000;
const removalBudgetMs = 8 * 60_000;
/** For all who ask, where the server does not say how long. */
const throttledPauseMs = 500;

/** What the status alone says. */
export function verdictOfStatus(status: number): Verdict {
  if (status === 429) {
    return 'throttled';
  }
  return status === 408 || status >= 500 ? 'passing' : 'final';
}

/** Makes a client. It keeps nothing between requests but its place in the bucket. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { host, signal } = options;
  return {
    send: async (request, how) => {
      const { clock } = host;
      let deadlineMs = clock.monotonicMs() + (how.isRemoval === true ? removalBudgetMs : budgetMs);
      let failures = 0;
      for (let attempt = 1; ; attempt += 1) {
        const askedMs = clock.monotonicMs();
        await options.bucket?.take({ isRemoval: how.isRemoval === true, signal });
        // Whoever stands in a queue with many others has not been refused anything.
        deadlineMs += clock.monotonicMs() - askedMs;
        const outcome = await sendOnce(options, request, how);
        failures += outcome.verdict === 'passing' ? 1 : 0;
        const retriesMax = how.isRemoval === true ? options.retriesMax * 2 : options.retriesMax;
        const again =
          outcome.verdict === 'throttled' ||
          outcome.verdict === 'busy' ||
          (outcome.verdict === 'passing' && how.isRepeatable && failures <= retriesMax);
        const asked =
          outcome.answer === undefined ? undefined : askedPauseMs(outcome.answer.headers, clock.nowMs());
        if (outcome.verdict === 'throttled' || (outcome.answer?.status === 503 && asked !== undefined)) {
          await options.bucket?.pause(asked ?? throttledPauseMs);
        }
        const pauseMs = asked ?? backOffMs(attempt, randomFraction(host));
        if (!again || clock.monotonicMs() + pauseMs > deadlineMs) {
          if (outcome.answer === undefined) {
            throw outcome.error;
          }
          return outcome.answer;
        }
        say(options, `${outcome.why}; again in ${(pauseMs / 1000).toFixed(1)} s`);
        await clock.sleep(pauseMs, signal);
      }
    },
  };
}

type Outcome =
  | { readonly verdict: Verdict; readonly answer: HttpAnswer; readonly why: string }
  | { readonly verdict: Verdict; readonly answer?: undefined; readonly error: unknown; readonly why: string };

async function sendOnce(
  options: ApiClientOptions,
  request: ApiRequest,
  { timeoutMs = attemptTimeoutMs }: SendOptions,
): Promise<Outcome> {
  const { host, signal, authorize, judge, allowsPlainHttp, tls } = options;
  const authorized = await authorize(request);
  say(options, describeRequest(authorized));
  try {
    const answer = await host.http.request({
      ...authorized,
      timeoutMs,
      ...(allowsPlainHttp === undefined ? {} : { allowsPlainHttp }),
      ...(tls === undefined ? {} : { tls }),
      signal,
    });
    say(options, `${answer.status} ${redactText(answer.body).slice(0, 4000)}`);
    return { verdict: judge(answer), answer, why: `status ${answer.status}` };
  } catch (error) {
    signal.throwIfAborted();
    const isPassing = error instanceof MachineError && error.code === 'request-failed';
    return { verdict: isPassing ? 'passing' : 'final', error, why: messageOf(error) };
  }
}

function describeRequest({ method, url, headers, body }: ApiRequest): string {
  const shown = JSON.stringify(redactHeaders(headers ?? {}));
  return `${method} ${redactText(url)} ${shown} ${redactText(body ?? '').slice(0, 4000)}`;
}

function say({ emit }: ApiClientOptions, message: string): void {
  emit({ type: 'debug', message });
}
