/**
 * A URL of a server as a machine has to name it: one on loopback of this computer has there the address `gateway`, and none
 * where that is undefined.
 */
export function seenFromMachine(server: string, gateway: string | undefined): string | undefined {
  // Go takes a proxy without a scheme for one of HTTP.
  const text = /^[a-z0-9+.-]+:\/\//i.test(server) ? server : `http://${server}`;
  if (!URL.canParse(text)) {
    return server;
  }
  const { hostname } = new URL(text);
  if (!/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)) {
    return server;
  }
  return gateway === undefined
    ? undefined
    : text.replace(/(\/\/(?:[^@/]*@)?)(?:\[::1\]|[^:/]+)/, `$1${gateway}`);
}
