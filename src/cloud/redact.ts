/** What of a request may be shown. */

const secretHeaders =
  /^(authorization|proxy-authorization|cookie|set-cookie|x-auth-token|x-subject-token|x-amz-security-token|x-aws-ec2-metadata-token|x-api-key)$/i;
const secretNames =
  'secret_?(?:access_?)?key|access_?key_?id|client_?secret|(?:[a-z_]*_)?(?:token|password|assertion)|access_?token|(?:session|security)_?token|root_?password|admin_?pass|secret|signature|x-amz-signature|x-amz-security-token|user_?data|custom_?data|private_?key';
const inForm = new RegExp(`(^|[&?])((?:${secretNames})=)[^&\\s]*`, 'gi');
const inJson = new RegExp(`("(?:${secretNames})"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, 'gi');
/** A token in a request to Keystone. */
const inToken = /("token"\s*:\s*\{\s*"id"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
const inXml = new RegExp(`(<(${secretNames})>)[^<]*(</\\2>)`, 'gi');
/** Entries of metadata, which are pairs of key and value; user data holds the host key. */
const inPairs = /("key"\s*:\s*"user-data"\s*,\s*"value"\s*:\s*)"(?:[^"\\]|\\.)*"/gi;
const inPairsTurned = /("value"\s*:\s*)"(?:[^"\\]|\\.)*"(\s*,\s*"key"\s*:\s*"user-data")/gi;
const hidden = '***';

/** Headers with those hidden that hold a secret. */
export function redactHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, secretHeaders.test(name) ? hidden : value]),
  );
}

/** A body or URL in which values of secret names are hidden: form, JSON and XML. */
export function redactText(text: string): string {
  return text
    .replace(inForm, `$1$2${hidden}`)
    .replace(inJson, `$1"${hidden}"`)
    .replace(inToken, `$1"${hidden}"`)
    .replace(inPairs, `$1"${hidden}"`)
    .replace(inPairsTurned, `$1"${hidden}"$2`)
    .replace(inXml, `$1${hidden}$3`);
}
