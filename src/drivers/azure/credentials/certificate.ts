import { createPrivateKey, sign, constants, X509Certificate, type KeyObject } from 'node:crypto';
import { MachineError, messageOf } from '../../../core/errors.ts';
import { newUuid } from '../../uuid.ts';
import { clientToken, tokenUrl, type AzureToken, type LoginWorld } from './login.ts';

/** How long the assertion may be used. */
const lifetimeS = 10 * 60;

/**
 * A token for a client that proves by a certificate who it is (Microsoft identity platform, "Application authentication
 * certificate credentials").
 * @throws MachineError `credentials-missing` for a file that cannot be used.
 */
export async function certificateToken(
  world: LoginWorld,
  {
    clientId,
    tenantId,
    certificatePath,
  }: { readonly clientId: string; readonly tenantId: string; readonly certificatePath: string },
): Promise<AzureToken> {
  const { host, loginUrl } = world;
  let pair: { readonly certificate: X509Certificate; readonly key: KeyObject };
  try {
    pair = readPair(
      await host.files.readText(certificatePath),
      host.facts.env['AZURE_CLIENT_CERTIFICATE_PASSWORD'],
    );
  } catch (error) {
    throw new MachineError('credentials-missing', `The certificate in ${certificatePath} cannot be used.`, {
      why: `${messageOf(error)}.`,
      remedies: ['It must hold the certificate and its private key, in PEM.'],
    });
  }
  const assertion = signAssertion(pair, {
    clientId,
    audience: tokenUrl(loginUrl, tenantId),
    id: newUuid(host),
    nowMs: host.clock.nowMs(),
  });
  const proof = { client_assertion: assertion };
  return clientToken(world, { clientId, tenantId, proof, from: 'the certificate of the service principal' });
}

/** A JSON web token in which the client says who it is. */
export function signAssertion(
  { certificate, key }: { readonly certificate: X509Certificate; readonly key: KeyObject },
  {
    clientId,
    audience,
    id,
    nowMs,
  }: { readonly clientId: string; readonly audience: string; readonly id: string; readonly nowMs: number },
): string {
  const nowS = Math.floor(nowMs / 1000);
  const thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint });
  const claims = part({
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: id,
    nbf: nowS,
    iat: nowS,
    exp: nowS + lifetimeS,
  });
  const signature = sign('sha256', Buffer.from(`${head}.${claims}`), {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  });
  return `${head}.${claims}.${signature.toString('base64url')}`;
}

function readPair(
  text: string,
  passphrase: string | undefined,
): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const certificate = new X509Certificate(text);
  const [pem] =
    /-----BEGIN (?:RSA |ENCRYPTED )?PRIVATE KEY-----[\s\S]*?-----END [A-Z ]+-----/.exec(text) ?? [];
  if (pem === undefined) {
    throw new TypeError('there is no private key in it');
  }
  const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  if (key.asymmetricKeyType !== 'rsa') {
    throw new TypeError('its key is not of RSA');
  }
  return { certificate, key };
}
