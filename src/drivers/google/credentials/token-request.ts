import { createApiClient, verdictOfStatus, type Verdict } from '../../../cloud/api-client.ts';
import { textField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import type { HttpAnswer } from '../../../host/types.ts';
import { readError } from '../api/answers.ts';
import type { AccessToken, CredentialsWorld } from './document.ts';

/** Requests that end in a token. */

const retriesMax = 4;

/** A request for a token; `form` or `json`, or neither for GET. */
export interface TokenRequest {
  readonly url: string;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Asks a server of tokens until it has a final answer. None of these requests changes anything.
 * @throws MachineError `credentials-refused` when it says no; `request-failed` when it says nothing that can be read.
 */
export async function askForToken(
  { host, signal, emit }: CredentialsWorld,
  { url, form, json, headers = {} }: TokenRequest,
): Promise<Readonly<Record<string, unknown>>> {
  const client = createApiClient({
    host,
    signal,
    emit,
    retriesMax,
    authorize: async (request) => request,
    judge,
  });
  const body = form === undefined ? json && JSON.stringify(json) : new URLSearchParams(form).toString();
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
  const answer = await client.send(
    {
      method: body === undefined ? 'GET' : 'POST',
      url,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(typeof body === 'string' ? { body } : {}),
    },
    { isRepeatable: true },
  );
  const said = parseJson(answer.body);
  const origin = new URL(url).origin;
  if (said === undefined || answer.status >= 500) {
    throw new MachineError('request-failed', `${origin} gave no token and no reason that can be read.`, {
      why: `It answered with status ${answer.status}.`,
      facts: { status: answer.status },
    });
  }
  if (answer.status !== 200) {
    throw refusal(origin, answer.status, said);
  }
  return said;
}

function judge({ status, body }: HttpAnswer): Verdict {
  const said = parseJson(body);
  if (said === undefined && status === 200) {
    return 'passing';
  }
  return readError(said)?.code === 'rateLimitExceeded' ? 'throttled' : verdictOfStatus(status);
}

function refusal(origin: string, status: number, said: unknown): MachineError {
  // OAuth has `error` and `error_description`, Google's own services an object.
  const reason = textField(said, 'error_description') ?? textField(said, 'error', 'message');
  const code = textField(said, 'error') ?? textField(said, 'error', 'status') ?? `status ${status}`;
  const shown = (reason ?? code).replaceAll(/\p{Cc}/gu, ' ').slice(0, 500);
  return new MachineError('credentials-refused', `${origin} gave no token: ${shown}`, {
    why: `${code} (status ${status}).`,
    facts: { status, cloudCode: code },
    ...(/invalid jwt/i.test(shown) ? { remedies: ['Set the clock of this computer.'] } : {}),
  });
}

/** A token in OAuth's form (RFC 6749, 5.1). @throws MachineError `request-failed`. */
export function oauthToken(said: Readonly<Record<string, unknown>>, nowMs: number): AccessToken {
  const { access_token: token, expires_in: seconds } = said;
  if (typeof token !== 'string' || token === '') {
    throw new MachineError('request-failed', 'The server of tokens gave none.', {
      why: 'Its answer has no access_token.',
    });
  }
  const lifeSeconds = typeof seconds === 'number' && seconds > 0 ? seconds : 3600;
  return { token, expiresMs: nowMs + lifeSeconds * 1000 };
}

/** One JSON object; undefined for anything else. */
export function parseJson(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
