import { createVerify, generateKeyPairSync } from 'node:crypto';
import { descriptionMissing, readDescription } from '../api-check/described.ts';
import { discoveryChecks } from '../api-check/discovery.ts';
import {
  jsonAnswer,
  startFaultServer,
  type CloudAnswer,
  type CloudRequest,
  type FaultServer,
} from './fault-server.ts';
import type { Rests } from './fault-suite.ts';
import { createGoogleAccount, googleError, type GoogleAccount } from './google-account.ts';

// Google on this computer: a server of tokens and Compute Engine. Requests and answers are checked by Google's own description
// where it is there.

const descriptionFile = 'google-compute.v1.discovery.json.gz';

/** Why nothing is checked by Google's description; undefined when it is. */
export const googleDescriptionMissing = descriptionMissing(descriptionFile);

const checks =
  googleDescriptionMissing === undefined ? discoveryChecks(readDescription(descriptionFile)) : undefined;
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** A line of that private key, which must be nowhere. */
export const secretLine = privateKey.split('\n')[1] ?? '';

/** A cloud of one project. */
export interface GoogleCloud {
  readonly server: FaultServer;
  readonly account: GoogleAccount;
  /** What Google's description says against requests and answers; empty in the end. */
  readonly problems: readonly string[];
  /** The content of a key file of a service account that may do everything. */
  readonly key: string;
  /** From now on tokens that were given are refused. */
  revoke(): void;
  rests(): Promise<Rests>;
  close(): Promise<void>;
}

/** Starts one. */
export async function startGoogleCloud(): Promise<GoogleCloud> {
  const account = createGoogleAccount();
  const problems: string[] = [];
  const tokens = new Set<string>();
  let count = 0;
  const giveToken = (request: CloudRequest): CloudAnswer => {
    const form = new URLSearchParams(request.body);
    if (!isSigned(form.get('assertion') ?? '', `${server.url}/token`)) {
      return jsonAnswer(400, { error: 'invalid_grant', error_description: 'Invalid JWT Signature.' });
    }
    const token = `ya29.${(count += 1)}`;
    tokens.add(token);
    return jsonAnswer(200, { access_token: token, expires_in: 3599, token_type: 'Bearer' });
  };
  const carryOut = async (request: CloudRequest): Promise<CloudAnswer> => {
    if (request.path === '/token') {
      return giveToken(request);
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!tokens.has(token)) {
      return googleError(401, 'authError', { message: 'Invalid Credentials' });
    }
    problems.push(...(checks?.request(request) ?? []));
    const answer = await account.answer(request);
    problems.push(...(checks?.answer(request, answer) ?? []));
    return answer;
  };
  const server = await startFaultServer((request) => request, carryOut);
  const key = JSON.stringify({
    type: 'service_account',
    project_id: 'hotel-1',
    private_key_id: 'key-1',
    private_key: privateKey,
    client_email: 'porter@hotel-1.iam.gserviceaccount.com',
    token_uri: `${server.url}/token`,
  });
  return {
    server,
    account,
    problems,
    key,
    revoke: () => {
      tokens.clear();
    },
    rests: async () => ({
      instances: [...account.instances.keys()],
      disks: [...account.disks.keys()],
      images: [...account.images.keys()],
      firewalls: [...account.firewalls.keys()].filter((name) => !name.endsWith('/default-allow-ssh')),
    }),
    close: async () => server.close(),
  };
}

function isSigned(assertion: string, audience: string): boolean {
  const [header = '', claims = '', signature = ''] = assertion.split('.');
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}') as Record<string, unknown>;
  const isRight = createVerify('RSA-SHA256')
    .update(`${header}.${claims}`)
    .verify(publicKey, signature, 'base64url');
  return isRight && said['aud'] === audience && typeof said['scope'] === 'string';
}
