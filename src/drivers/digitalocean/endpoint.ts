/** Where the API is. Pure. */

const official = 'https://api.digitalocean.com';
const version = '/v2';
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** True for a URL at which the API may be: plain HTTP carries the token to this computer only. */
export function isApiUrl(text: string): boolean {
  if (!URL.canParse(text)) {
    return false;
  }
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const isBare = [username, password, search, hash].every((part) => part === '');
  return isBare && (protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname)));
}

/** The base of all paths, without a slash at its end. The version may stand in the URL, as with doctl it does not. */
export function baseUrlOf(endpoint: string): string {
  const root = (endpoint === '' ? official : endpoint).replace(/\/+$/, '');
  return root.endsWith(version) ? root : `${root}${version}`;
}
