import path from 'node:path';
import { MachineError, messageOf, systemCode } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import type { AccessToken, CredentialsWorld, FoundDocument } from './document.ts';
import { metadataToken } from './metadata-server.ts';
import { tokenByDocument } from './grants.ts';
import { parseJson } from './token-request.ts';

const wellKnownFile = 'application_default_credentials.json';

/**
 * An access token, from where the tools of Google look ("application default credentials"): what was given, the file of
 * GOOGLE_APPLICATION_CREDENTIALS, that of gcloud, the metadata server. Nothing that is found is kept.
 * @param given JSON, plain or in base64; empty for none.
 * @throws MachineError `credentials-missing`, `credentials-refused`, `request-failed`.
 */
export async function findToken(world: CredentialsWorld, given: string): Promise<AccessToken> {
  const found = await findDocument(world.host, given);
  if (found !== undefined) {
    world.emit({ type: 'debug', message: `Credentials of Google from ${found.from}.` });
    return tokenByDocument(world, found);
  }
  const token = await metadataToken(world);
  if (token === undefined) {
    throw new MachineError('credentials-missing', 'There are no credentials for Google Cloud.', {
      why: 'Neither --google-auth-encoded-json nor GOOGLE_APPLICATION_CREDENTIALS nor gcloud nor a metadata server gives any.',
      remedies: [
        'gcloud auth application-default login',
        'Set GOOGLE_APPLICATION_CREDENTIALS to a key file.',
      ],
    });
  }
  world.emit({ type: 'debug', message: 'Credentials of Google from the metadata server.' });
  return token;
}

/** @throws MachineError `credentials-missing` when one that was named cannot be read. */
export async function findDocument(host: Host, given: string): Promise<FoundDocument | undefined> {
  const { env } = host.facts;
  const text = given === '' ? (env['GOOGLE_AUTH_ENCODED_JSON'] ?? '') : given;
  if (text !== '') {
    return { document: readGiven(text), from: 'the flag --google-auth-encoded-json' };
  }
  const named = env['GOOGLE_APPLICATION_CREDENTIALS'] ?? '';
  if (named !== '') {
    const document = await readDocument(host, named);
    if (document === undefined) {
      throw new MachineError('credentials-missing', `There is no file ${JSON.stringify(named)}.`, {
        why: 'GOOGLE_APPLICATION_CREDENTIALS names it.',
      });
    }
    return { document, from: named };
  }
  const file = wellKnownPath(host);
  const document = await readDocument(host, file);
  return document === undefined ? undefined : { document, from: file };
}

/** Where gcloud keeps application default credentials. */
export function wellKnownPath({ facts }: Pick<Host, 'facts'>): string {
  const { env, platform, homeDirectory } = facts;
  const own = env['CLOUDSDK_CONFIG'] ?? '';
  const isWindows = platform === 'win32';
  const paths = isWindows ? path.win32 : path.posix;
  const base = isWindows
    ? paths.join(env['APPDATA'] ?? paths.join(homeDirectory, 'AppData', 'Roaming'), 'gcloud')
    : paths.join(homeDirectory, '.config', 'gcloud');
  return paths.join(own === '' ? base : own, wellKnownFile);
}

/** rancher takes base64, and plain JSON where that is none. @throws MachineError `credentials-missing`. */
export function readGiven(text: string): Readonly<Record<string, unknown>> {
  const document = parseJson(text) ?? parseJson(Buffer.from(text.replaceAll(/\s/g, ''), 'base64').toString());
  if (document === undefined) {
    throw new MachineError('credentials-missing', 'The credentials that were given cannot be read.', {
      why: '--google-auth-encoded-json takes the JSON of a key file, plain or in base64.',
    });
  }
  return document;
}

async function readDocument(host: Host, file: string): Promise<FoundDocument['document'] | undefined> {
  let text: string;
  try {
    text = await host.files.readText(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw new MachineError('credentials-missing', `${file} cannot be read.`, {
      why: messageOf(error),
      cause: error,
    });
  }
  const document = parseJson(text);
  if (document === undefined) {
    throw new MachineError('credentials-missing', `${file} holds no credentials.`, {
      why: 'It should be one JSON object.',
    });
  }
  return document;
}
