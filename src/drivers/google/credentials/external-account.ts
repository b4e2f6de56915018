import { field, textField, textsField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import {
  unusable,
  type AccessToken,
  type CredentialsWorld,
  type FoundDocument,
  type Need,
} from './document.ts';
import { askForToken, oauthToken, parseJson } from './token-request.ts';

/** Workload identity federation: a token of somebody else, from a file or URL, is exchanged at Google's STS (RFC 8693). */

const stsUrl = 'https://sts.googleapis.com/v1/token';
const sourceTimeoutMs = 10_000;
const sourceName = 'the external account';

/** @throws MachineError `credentials-missing` when there is no token to exchange; `credentials-refused`. */
export async function externalToken(
  world: CredentialsWorld,
  need: Need,
  document: FoundDocument['document'],
  scope: string,
): Promise<AccessToken> {
  const subject = await subjectToken(world, document);
  const userProject = textField(document, 'workforce_pool_user_project');
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    audience: need('audience'),
    scope,
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    subject_token_type: need('subject_token_type'),
    subject_token: subject,
    ...(userProject === undefined ? {} : { options: JSON.stringify({ userProject }) }),
  };
  const url = textField(document, 'token_url') ?? stsUrl;
  return oauthToken(await askForToken(world, { url, form }), world.host.clock.nowMs());
}

async function subjectToken(world: CredentialsWorld, document: FoundDocument['document']): Promise<string> {
  const source = field(document, 'credential_source');
  const [file, url] = [textField(source, 'file'), textField(source, 'url')];
  if (file === undefined && url === undefined) {
    throw unusable(sourceName, 'its credential_source is neither a file nor a URL, and others are not known');
  }
  if (field(source, 'environment_id') !== undefined) {
    throw unusable(sourceName, 'a credential_source of AWS is not known');
  }
  const text = file === undefined ? await fetchText(world, url ?? '', source) : await readText(world, file);
  const name = textField(source, 'format', 'subject_token_field_name');
  const isJson = textField(source, 'format', 'type') === 'json';
  const token = isJson && name !== undefined ? textField(parseJson(text), name) : text.trim();
  if (token === undefined || token === '') {
    throw unusable(sourceName, 'there is no token in what its credential_source names');
  }
  return token;
}

async function readText({ host }: CredentialsWorld, file: string): Promise<string> {
  try {
    return await host.files.readText(file);
  } catch (error) {
    throw new MachineError('credentials-missing', `The token of the external account is not to be had.`, {
      why: `${JSON.stringify(file)} cannot be read.`,
      cause: error,
    });
  }
}

async function fetchText({ host, signal }: CredentialsWorld, url: string, source: unknown): Promise<string> {
  const { status, body } = await host.http.request({
    method: 'GET',
    url,
    headers: textsField(source, 'headers'),
    timeoutMs: sourceTimeoutMs,
    signal,
  });
  if (status !== 200) {
    throw new MachineError('credentials-missing', 'The token of the external account is not to be had.', {
      why: `${new URL(url).origin} answered with status ${status}.`,
    });
  }
  return body;
}
