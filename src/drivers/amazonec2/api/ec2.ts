import { askOnce, askTogether, type AskMany } from '../../../cloud/ask-together.ts';
import { createApiClient, verdictOfStatus, type ApiClient, type Verdict } from '../../../cloud/api-client.ts';
import { shareRates } from '../../../cloud/shared-rates.ts';
import { isMachineError, MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host, HttpAnswer } from '../../../host/types.ts';
import { errorOf, nextTokenOf } from './answers.ts';
import type { Ec2Config } from '../config.ts';
import {
  findCredentials,
  type CredentialSources,
  type FoundCredentials,
} from '../credentials/credentials.ts';
import { awsDomain } from './domain.ts';
import { queryBody, type Ec2Action, type QueryParameters } from './query.ts';
import { signedHeaders } from './sigv4.ts';
import { parseXml, type XmlElement } from './xml.ts';

/** Questions to EC2. */
interface Ec2Calls {
  /**
   * Sends an action until it has a final answer. All of them can be sent twice: what makes something has a token or a name.
   * @throws MachineError `cloud-refused`, `credentials-refused` with the fact `awsCode`; `request-failed`.
   */
  call(action: Ec2Action, parameters: QueryParameters): Promise<XmlElement>;
  /** The same for a list that comes in pages. */
  list<T>(
    action: Ec2Action,
    parameters: QueryParameters,
    read: (answer: XmlElement) => readonly T[],
  ): Promise<T[]>;
}

/** EC2 as this driver talks to it. */
export interface Ec2 extends Ec2Calls {
  /** For what EC2 offers, which is the same for all machines of a command: see askOnce. Nothing of ours is in it. */
  readonly offers: Ec2Calls;
  /** See askTogether; the topic is what is asked for, of this account and endpoint. */
  together<T>(topic: string, id: string, ask: AskMany<T>): Promise<T | undefined>;
}

/** Who asks, and as whom. */
export interface Ec2Access {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly config: Ec2Config;
  readonly profile: string;
  /** By flag: see ProviderMaterial.secrets. */
  readonly secrets: Readonly<Record<string, string>>;
  /** See DriverContext.ratesDirectory. */
  readonly ratesDirectory?: string | undefined;
}

/** Below what EC2 allows an account in a region, so that a removal always gets through. */
const budget = { limits: [{ burst: 40, perSecond: 10 }], reserve: 20 };
/** Temporary credentials are looked for again so long before they end. */
const renewBeforeMs = 60_000;
const pagesMax = 1_000;
const removals: ReadonlySet<Ec2Action> = new Set([
  'TerminateInstances',
  'DeleteKeyPair',
  'DeleteSecurityGroup',
  'DeleteVolume',
  'CancelSpotInstanceRequests',
  'DeregisterImage',
  'DeleteSnapshot',
]);

const throttlingCodes: ReadonlySet<string> = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'EC2ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
]);
const passingCodes: ReadonlySet<string> = new Set([
  'InternalError',
  'InternalFailure',
  'ServiceUnavailable',
  'Unavailable',
  'RequestTimeout',
]);
const credentialCodes: ReadonlySet<string> = new Set([
  'AuthFailure',
  'Blocked',
  'ExpiredToken',
  'ExpiredTokenException',
  'RequestExpired',
  'InvalidClientTokenId',
  'MissingAuthenticationToken',
  'OptInRequired',
  'SignatureDoesNotMatch',
  'UnauthorizedOperation',
  'UnrecognizedClientException',
]);

/** Where flags and records keep credentials. */
export function credentialSources({ config, profile, secrets }: Ec2Access): CredentialSources {
  return {
    given: {
      accessKey: secrets['amazonec2-access-key'] ?? config.accessKey,
      secretKey: secrets['amazonec2-secret-key'] ?? config.secretKey,
      sessionToken: secrets['amazonec2-session-token'] ?? config.sessionToken,
    },
    profile,
    region: config.region,
  };
}

/** Opens EC2. Nothing is sent, and credentials are not looked for, before something is asked. */
export function openEc2(access: Ec2Access): Ec2 {
  const { host, signal, emit, config } = access;
  let found: FoundCredentials | undefined;
  const credentials = async (): Promise<FoundCredentials> => {
    if (found === undefined || (found.expiresMs ?? Infinity) - host.clock.nowMs() < renewBeforeMs) {
      found = await findCredentials(host, credentialSources(access), signal);
      emit({ type: 'debug', message: `Credentials of AWS from ${found.from}.` });
    }
    return found;
  };
  const client = createApiClient({
    host,
    signal,
    emit,
    bucket: shareRates({
      host,
      directory: access.ratesDirectory,
      provider: 'amazonec2',
      account: async () => account(),
      budget,
    }),
    retriesMax: Math.max(0, config.retryCount),
    allowsPlainHttp: config.isPlainHttp,
    judge,
    authorize: async (request) => {
      const scope = { region: config.region, service: 'ec2', nowMs: host.clock.nowMs() };
      const { url, method, headers = {}, body = '' } = request;
      const signable = { url, method, headers, body };
      return { ...request, headers: signedHeaders(signable, (await credentials()).credentials, scope) };
    },
  });
  const account = async (): Promise<readonly string[]> => [
    accountOf(await credentials()),
    endpointOf(config),
  ];
  const call: Ec2['call'] = async (action, parameters) => ask(client, endpointOf(config), action, parameters);
  const offered: Ec2['call'] = async (action, parameters) =>
    askOnce(host, {
      topic: JSON.stringify([await account(), action, parameters]),
      ask: async () => call(action, parameters),
    });
  return {
    ...withLists(call),
    offers: withLists(offered),
    together: async (topic, id, askMany) =>
      askTogether(host, { topic: JSON.stringify([await account(), topic]), id, ask: askMany }),
  };
}

function withLists(call: Ec2['call']): Ec2Calls {
  return {
    call,
    list: async (action, parameters, read) => {
      const all = [];
      let nextToken: string | undefined;
      for (let page = 0; page < pagesMax; page += 1) {
        const answer = await call(action, { ...parameters, NextToken: nextToken });
        all.push(...read(answer));
        nextToken = nextTokenOf(answer);
        if (nextToken === undefined) {
          break;
        }
      }
      return all;
    },
  };
}

/** Keys that are lent for an hour say nothing about whose they are, but where they come from does. */
function accountOf({ credentials: { accessKeyId, sessionToken }, from }: FoundCredentials): string {
  return sessionToken === undefined ? accessKeyId : from;
}

/** Where EC2 of a region is, or the endpoint that was given. */
export function endpointOf({ endpoint, region, isPlainHttp }: Ec2Config): string {
  if (endpoint === '') {
    return `https://ec2.${region}.${awsDomain(region)}/`;
  }
  const bare = endpoint.replace(/^https?:\/\//, '').replace(/\/$/, '');
  return `${isPlainHttp ? 'http' : 'https'}://${bare}/`;
}

/** EC2's name for what went wrong, if it said one. */
export function awsCode(error: unknown): string | undefined {
  const code = isMachineError(error) ? error.facts['awsCode'] : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The result, or undefined when EC2 does not know what was asked for. */
export async function unlessMissing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
}

/** True for an error that says that something is not there. */
export function isMissing(error: unknown): boolean {
  return /(?:\.NotFound|\.Malformed)$/.test(awsCode(error) ?? '');
}

async function ask(
  client: ApiClient,
  url: string,
  action: Ec2Action,
  parameters: QueryParameters,
): Promise<XmlElement> {
  const answer = await client.send(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: queryBody(action, parameters),
    },
    { isRepeatable: true, isRemoval: removals.has(action) },
  );
  const xml = read(answer);
  const error = xml === undefined ? undefined : errorOf(xml);
  if (xml !== undefined && error === undefined && answer.status >= 200 && answer.status < 300) {
    return xml;
  }
  throw refusal(action, answer, { error, origin: new URL(url).origin });
}

function judge(answer: HttpAnswer): Verdict {
  const xml = read(answer);
  const code = xml === undefined ? undefined : errorOf(xml)?.code;
  if (code !== undefined && throttlingCodes.has(code)) {
    return 'throttled';
  }
  // Half an answer, or the page of a proxy.
  const isBroken = xml === undefined && answer.status < 400;
  return isBroken || (code !== undefined && passingCodes.has(code))
    ? 'passing'
    : verdictOfStatus(answer.status);
}

function read({ body }: HttpAnswer): XmlElement | undefined {
  try {
    const xml = parseXml(body);
    return /^html$/i.test(xml.name) ? undefined : xml;
  } catch {
    return undefined;
  }
}

function refusal(
  action: string,
  { status }: HttpAnswer,
  { error, origin }: { readonly error: ReturnType<typeof errorOf>; readonly origin: string },
): MachineError {
  if (error === undefined) {
    return new MachineError('request-failed', `EC2 gave no answer to ${action} that can be read.`, {
      why: `${origin} answered with status ${status} and no XML of EC2.`,
      facts: { action, status },
    });
  }
  const isCredentials = credentialCodes.has(error.code);
  const message = error.message.replace(/\p{Cc}/gu, ' ').slice(0, 1000);
  return new MachineError(
    isCredentials ? 'credentials-refused' : 'cloud-refused',
    `EC2 refused ${action}: ${message === '' ? error.code : message}`,
    {
      why: `${error.code}.`,
      facts: { action, awsCode: error.code, status },
      ...(error.code === 'RequestExpired'
        ? { remedies: ['Set the clock of this computer: a request counts for some minutes only.'] }
        : {}),
    },
  );
}
