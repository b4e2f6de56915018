import { createHash } from 'node:crypto';
import path from 'node:path';
import { MachineError, messageOf, systemCode } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import { awsDomain } from '../api/domain.ts';
import { splitCommand } from './command-words.ts';
import type { FoundCredentials } from './credentials.ts';
import { profileOf } from './ini.ts';
import { containerCredentials, instanceCredentials } from './role-credentials.ts';
import type { AwsCredentials } from '../api/sigv4.ts';
import { assumeRole, assumeRoleWithToken } from './sts.ts';

/** Credentials of profiles in ~/.aws, in the ways in which AWS' tools know to get them. */

/** With what credentials are looked for. */
export interface CredentialsWorld {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly region: string;
}

type Profile = ReadonlyMap<string, string>;

const processTimeoutMs = 60_000;
const ssoTimeoutMs = 30_000;
/** Roles that take their credentials from profiles with roles. */
const depthMax = 5;

/**
 * Credentials of a profile: the one that is named, else that of AWS_PROFILE, else the default one.
 * @returns undefined when nobody named one and there is no default one.
 * @throws MachineError `credentials-missing` for a profile that was named and is not there, or gives none.
 */
export async function profileCredentials(
  world: CredentialsWorld,
  name: string | undefined,
): Promise<FoundCredentials | undefined> {
  const { env } = world.host.facts;
  const inEnvironment = env['AWS_PROFILE'] ?? env['AWS_DEFAULT_PROFILE'] ?? '';
  const wanted = name ?? (inEnvironment === '' ? undefined : inEnvironment);
  const files = await readFiles(world.host);
  const profile = profileOf(wanted ?? 'default', files);
  if (profile === undefined) {
    if (wanted === undefined) {
      return roleOfEnvironment(world);
    }
    throw missing(wanted, `There is no profile "${wanted}" in ~/.aws/config and ~/.aws/credentials.`);
  }
  return ofProfile(world, { name: wanted ?? 'default', profile, files, depth: 0 });
}

interface Request {
  readonly name: string;
  readonly profile: Profile;
  readonly files: { readonly config: string; readonly credentials: string };
  readonly depth: number;
}

async function ofProfile(world: CredentialsWorld, request: Request): Promise<FoundCredentials | undefined> {
  const { name, profile } = request;
  const from = `the profile "${name}"`;
  if (profile.has('role_arn')) {
    return { ...(await ofRole(world, request)), from };
  }
  const credentials = staticKeys(profile);
  if (credentials !== undefined) {
    return { credentials, from };
  }
  if (profile.has('sso_account_id')) {
    return { ...(await ofSingleSignOn(world, request)), from };
  }
  const command = profile.get('credential_process');
  return command === undefined ? undefined : { ...(await ofProcess(world, name, command)), from };
}

function staticKeys(profile: Profile): AwsCredentials | undefined {
  const [id, secret] = [profile.get('aws_access_key_id'), profile.get('aws_secret_access_key')];
  const token = profile.get('aws_session_token') ?? profile.get('aws_security_token');
  return id === undefined || secret === undefined
    ? undefined
    : {
        accessKeyId: id,
        secretAccessKey: secret,
        ...(token === undefined ? {} : { sessionToken: token }),
      };
}

async function ofRole(world: CredentialsWorld, request: Request): Promise<Omit<FoundCredentials, 'from'>> {
  const { name, profile, depth } = request;
  const role = {
    arn: profile.get('role_arn') ?? '',
    sessionName: profile.get('role_session_name') ?? 'tsmachine',
    externalId: profile.get('external_id'),
    region: profile.get('region') ?? world.region,
  };
  const tokenFile = profile.get('web_identity_token_file');
  if (tokenFile !== undefined) {
    return assumeRoleWithToken(world, {
      ...role,
      token: (await world.host.files.readText(tokenFile)).trim(),
    });
  }
  if (profile.has('mfa_serial')) {
    throw missing(name, 'Its role asks for a code of a device, which cannot be given here.');
  }
  if (depth >= depthMax) {
    throw missing(name, 'Its role takes credentials of a profile that takes them of this one.');
  }
  const source = await sourceOfRole(world, request);
  if (source === undefined) {
    throw missing(name, 'Its role has no credentials to be assumed with.');
  }
  return assumeRole(world, role, source.credentials);
}

async function sourceOfRole(
  world: CredentialsWorld,
  { name, profile, files, depth }: Request,
): Promise<FoundCredentials | undefined> {
  switch (profile.get('credential_source')) {
    case 'EcsContainer':
      return containerCredentials(world);
    case 'Ec2InstanceMetadata':
      return instanceCredentials(world);
    case 'Environment': {
      const { env } = world.host.facts;
      const [id, secret] = [env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY']];
      const token = env['AWS_SESSION_TOKEN'];
      return id === undefined || secret === undefined
        ? undefined
        : {
            credentials: {
              accessKeyId: id,
              secretAccessKey: secret,
              ...(token === undefined ? {} : { sessionToken: token }),
            },
            from: 'the environment',
          };
    }
  }
  const sourceName = profile.get('source_profile') ?? '';
  const source = profileOf(sourceName, files);
  if (source === undefined) {
    throw missing(name, `Its source_profile "${sourceName}" is not there.`);
  }
  // A profile may name itself: then its own keys are meant.
  if (sourceName === name) {
    const credentials = staticKeys(source);
    return credentials === undefined ? undefined : { credentials, from: name };
  }
  return ofProfile(world, { name: sourceName, profile: source, files, depth: depth + 1 });
}

/** AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, as pods of EKS and runners of CI have them. */
async function roleOfEnvironment(world: CredentialsWorld): Promise<FoundCredentials | undefined> {
  const { env } = world.host.facts;
  const [arn, file] = [env['AWS_ROLE_ARN'] ?? '', env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? ''];
  if (arn === '' || file === '') {
    return undefined;
  }
  const token = (await world.host.files.readText(file)).trim();
  const sessionName = env['AWS_ROLE_SESSION_NAME'] ?? 'tsmachine';
  const found = await assumeRoleWithToken(world, { arn, sessionName, region: world.region, token });
  return { ...found, from: 'AWS_WEB_IDENTITY_TOKEN_FILE' };
}

/** A program that prints credentials as JSON (docs of the AWS CLI, "Sourcing credentials with an external process"). */
async function ofProcess(
  { host, signal }: CredentialsWorld,
  name: string,
  command: string,
): Promise<Omit<FoundCredentials, 'from'>> {
  const [program = '', ...args] = splitCommand(command);
  const { stdout } = await host.processes.run(program, args, { timeoutMs: processTimeoutMs, signal });
  try {
    const value = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
    const { AccessKeyId: id, SecretAccessKey: secret, SessionToken: token } = value;
    if (typeof id !== 'string' || typeof secret !== 'string') {
      throw new TypeError('there are no keys in it');
    }
    return {
      credentials: {
        accessKeyId: id,
        secretAccessKey: secret,
        ...(typeof token === 'string' ? { sessionToken: token } : {}),
      },
      ...expiry(value['Expiration']),
    };
  } catch (error) {
    throw missing(name, `What its credential_process printed cannot be used: ${messageOf(error)}.`);
  }
}

/** Keys for a token that `aws sso login` has left in ~/.aws/sso/cache. */
async function ofSingleSignOn(
  { host, signal, region }: CredentialsWorld,
  { name, profile, files }: Request,
): Promise<Omit<FoundCredentials, 'from'>> {
  const session = profile.get('sso_session');
  const settings = session === undefined ? profile : sessionOf(session, files.config);
  // The file's name is the SHA-1 of what names the login.
  const key = createHash('sha1')
    .update(session ?? settings?.get('sso_start_url') ?? '')
    .digest('hex');
  const file = path.join(host.facts.homeDirectory, '.aws', 'sso', 'cache', `${key}.json`);
  const login = `Log in again: aws sso login --profile ${name}`;
  const cached = parseObject(await host.files.readText(file).catch(() => '{}'));
  const token = cached['accessToken'];
  if (typeof token !== 'string' || !(Date.parse(String(cached['expiresAt'])) > host.clock.nowMs())) {
    throw missing(name, 'The login of its single sign-on has ended.', login);
  }
  const ssoRegion = settings?.get('sso_region') ?? region;
  const query = `role_name=${encodeURIComponent(profile.get('sso_role_name') ?? '')}&account_id=${encodeURIComponent(profile.get('sso_account_id') ?? '')}`;
  const answer = await host.http.request({
    method: 'GET',
    url: `https://portal.sso.${ssoRegion}.${awsDomain(ssoRegion)}/federation/credentials?${query}`,
    headers: { 'x-amz-sso_bearer_token': token },
    timeoutMs: ssoTimeoutMs,
    signal,
  });
  const keys = parseObject(JSON.stringify(parseObject(answer.body)['roleCredentials'] ?? {}));
  const { accessKeyId: id, secretAccessKey: secret, sessionToken, expiration } = keys;
  if (typeof id !== 'string' || typeof secret !== 'string') {
    throw missing(name, `Single sign-on answered with status ${answer.status}.`, login);
  }
  return {
    credentials: {
      accessKeyId: id,
      secretAccessKey: secret,
      ...(typeof sessionToken === 'string' ? { sessionToken } : {}),
    },
    ...(typeof expiration === 'number' ? { expiresMs: expiration } : {}),
  };
}

function sessionOf(name: string, config: string): Profile | undefined {
  return profileOf(name, { config: config.replaceAll('[sso-session ', '[profile '), credentials: '' });
}

function expiry(text: unknown): { readonly expiresMs?: number } {
  const expiresMs = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(expiresMs) ? {} : { expiresMs };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

async function readFiles(host: Host): Promise<Request['files']> {
  const { env, homeDirectory } = host.facts;
  const read = async (variable: string, name: string): Promise<string> => {
    const file = env[variable] ?? '';
    try {
      return await host.files.readText(file === '' ? path.join(homeDirectory, '.aws', name) : file);
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
        return '';
      }
      throw error;
    }
  };
  return {
    config: await read('AWS_CONFIG_FILE', 'config'),
    credentials: await read('AWS_SHARED_CREDENTIALS_FILE', 'credentials'),
  };
}

function missing(name: string, why: string, remedy?: string): MachineError {
  return new MachineError('credentials-missing', `The profile "${name}" of AWS gives no credentials.`, {
    why,
    ...(remedy === undefined ? {} : { remedies: [remedy] }),
  });
}
