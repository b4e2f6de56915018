import { MachineError, messageOf } from '../../../core/errors.ts';
import type { HttpAnswer, HttpRequest } from '../../../host/types.ts';
import type { FoundCredentials } from './credentials.ts';
import type { CredentialsWorld } from './profile-credentials.ts';

/** Credentials that a container or an instance has by its role. */

const metadataDefault = 'http://169.254.169.254';
const containerHost = 'http://169.254.170.2';
/** Most computers are no instance, and nobody answers there. */
const metadataTimeoutMs = 1_000;
const containerTimeoutMs = 5_000;
const tokenTtlSeconds = '300';

/**
 * Of a task of ECS or a pod of EKS: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI.
 * @throws MachineError `credentials-missing` when one is named and does not answer.
 */
export async function containerCredentials(world: CredentialsWorld): Promise<FoundCredentials | undefined> {
  const { env } = world.host.facts;
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] ?? '';
  const full = env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '';
  const url = relative === '' ? full : `${containerHost}${relative}`;
  if (url === '') {
    return undefined;
  }
  const tokenFile = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] ?? '';
  const token =
    tokenFile === ''
      ? (env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '')
      : (await world.host.files.readText(tokenFile)).trim();
  const answer = await ask(world, {
    method: 'GET',
    url,
    ...(token === '' ? {} : { headers: { authorization: token } }),
    timeoutMs: containerTimeoutMs,
    // The services of a task and of a pod, and this computer.
    allowsPlainHttp: /^http:\/\/(?:169\.254\.170\.(?:2|23)|\[fd00:ec2::23\])(?:[:/]|$)/i.test(url),
  });
  if (answer?.status !== 200) {
    throw new MachineError('credentials-missing', 'The credentials of the container are not to be had.', {
      why: answer === undefined ? `${url} does not answer.` : `It answered with status ${answer.status}.`,
    });
  }
  return roleAnswer(answer.body, 'the role of the container');
}

/** Of an instance of EC2, by version 2 of its metadata service. Undefined elsewhere, and with AWS_EC2_METADATA_DISABLED. */
export async function instanceCredentials(world: CredentialsWorld): Promise<FoundCredentials | undefined> {
  const { env } = world.host.facts;
  if (/^true$/i.test(env['AWS_EC2_METADATA_DISABLED'] ?? '')) {
    return undefined;
  }
  const base = (env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? '').replace(/\/$/, '') || metadataDefault;
  const send = async (
    method: 'GET' | 'PUT',
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<string | undefined> => {
    const request = { method, url: `${base}/latest/${path}`, headers, timeoutMs: metadataTimeoutMs };
    const answer = await ask(world, { ...request, allowsPlainHttp: true });
    return answer?.status === 200 ? answer.body.trim() : undefined;
  };
  const token = await send('PUT', 'api/token', { 'x-aws-ec2-metadata-token-ttl-seconds': tokenTtlSeconds });
  if (token === undefined) {
    return undefined;
  }
  const headers = { 'x-aws-ec2-metadata-token': token };
  const role = (await send('GET', 'meta-data/iam/security-credentials/', headers))?.split('\n')[0];
  const body =
    role === undefined || role === ''
      ? undefined
      : await send('GET', `meta-data/iam/security-credentials/${role}`, headers);
  return body === undefined ? undefined : roleAnswer(body, `the role ${String(role)} of this instance`);
}

/** Both services answer in the same form. @throws MachineError `credentials-missing`. */
function roleAnswer(body: string, from: string): FoundCredentials {
  try {
    const value = JSON.parse(body) as Readonly<Record<string, unknown>>;
    const { AccessKeyId: id, SecretAccessKey: secret, Token: token, Expiration: end } = value;
    if (typeof id !== 'string' || typeof secret !== 'string') {
      throw new TypeError('there are no keys in it');
    }
    const expiresMs = typeof end === 'string' ? Date.parse(end) : Number.NaN;
    return {
      credentials: {
        accessKeyId: id,
        secretAccessKey: secret,
        ...(typeof token === 'string' ? { sessionToken: token } : {}),
      },
      from,
      ...(Number.isNaN(expiresMs) ? {} : { expiresMs }),
    };
  } catch (error) {
    throw new MachineError('credentials-missing', `The credentials of ${from} cannot be read.`, {
      why: `${messageOf(error)}.`,
    });
  }
}

/** The answer; undefined where nobody answers. */
async function ask(world: CredentialsWorld, request: HttpRequest): Promise<HttpAnswer | undefined> {
  try {
    return await world.host.http.request({ ...request, signal: world.signal });
  } catch {
    world.signal.throwIfAborted();
    return undefined;
  }
}
