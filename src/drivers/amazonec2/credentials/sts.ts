import { MachineError } from '../../../core/errors.ts';
import { errorOf } from '../api/answers.ts';
import { awsDomain } from '../api/domain.ts';
import type { FoundCredentials } from './credentials.ts';
import type { CredentialsWorld } from './profile-credentials.ts';
import { formBody } from '../api/query.ts';
import { signedHeaders, type AwsCredentials } from '../api/sigv4.ts';
import { childOf, parseXml, textOf, type XmlElement } from '../api/xml.ts';

/** The token service: temporary keys for a role. */

const timeoutMs = 30_000;
const version = '2011-06-15';

/** A role that is to be taken on. */
export interface Role {
  readonly arn: string;
  readonly sessionName: string;
  readonly externalId?: string | undefined;
  readonly region: string;
}

type Found = Omit<FoundCredentials, 'from'>;

/** Keys of a role, for one who has others. @throws MachineError `credentials-refused`, `request-failed`. */
export async function assumeRole(
  world: CredentialsWorld,
  role: Role,
  credentials: AwsCredentials,
): Promise<Found> {
  const body = formBody([
    ['Action', 'AssumeRole'],
    ...common(role),
    ...(role.externalId === undefined ? [] : [['ExternalId', role.externalId] as const]),
  ]);
  return ask(world, role, body, credentials);
}

/** The same for one who has a token of an identity provider. */
export async function assumeRoleWithToken(
  world: CredentialsWorld,
  role: Role & { readonly token: string },
): Promise<Found> {
  const body = formBody([
    ['Action', 'AssumeRoleWithWebIdentity'],
    ...common(role),
    ['WebIdentityToken', role.token],
  ]);
  return ask(world, role, body, undefined);
}

function common({ arn, sessionName }: Role): readonly (readonly [string, string])[] {
  return [
    ['Version', version],
    ['RoleArn', arn],
    ['RoleSessionName', sessionName],
  ];
}

async function ask(
  { host, signal }: CredentialsWorld,
  { arn, region }: Role,
  body: string,
  credentials: AwsCredentials | undefined,
): Promise<Found> {
  const given = host.facts.env['AWS_ENDPOINT_URL_STS'] ?? '';
  const url = given === '' ? `https://sts.${region}.${awsDomain(region)}/` : `${given.replace(/\/$/, '')}/`;
  const request = {
    method: 'POST',
    url,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body,
  } as const;
  const scope = { region, service: 'sts', nowMs: host.clock.nowMs() };
  const headers = credentials === undefined ? request.headers : signedHeaders(request, credentials, scope);
  const answer = await host.http.request({ ...request, headers, timeoutMs, signal });
  const xml = parse(answer.body);
  const keys =
    childOf(xml, 'AssumeRoleResult', 'Credentials') ??
    childOf(xml, 'AssumeRoleWithWebIdentityResult', 'Credentials');
  const [id, secret, token, end] = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'].map(
    (name) => textOf(keys, name),
  );
  if (id === undefined || secret === undefined) {
    const error = errorOf(xml);
    throw new MachineError('credentials-refused', `The role ${arn} could not be assumed.`, {
      why:
        error === undefined
          ? `STS answered with status ${answer.status}.`
          : `${error.code}: ${error.message}`,
    });
  }
  return {
    credentials: {
      accessKeyId: id,
      secretAccessKey: secret,
      ...(token === undefined ? {} : { sessionToken: token }),
    },
    ...(end === undefined ? {} : { expiresMs: Date.parse(end) }),
  };
}

function parse(body: string): XmlElement {
  try {
    return parseXml(body);
  } catch {
    return { name: '', children: [], text: '' };
  }
}
