import { MachineError } from '../core/errors.ts';

/** Where an engine listens. */
export type EngineAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

/** The port of an engine with TLS where a URL names none. */
const tlsPortDefault = 2376;

/**
 * Reads a DOCKER_HOST: `tcp://HOST[:PORT]` (IPv6 in brackets), `unix:///PATH` or `npipe:////./pipe/NAME`.
 * @throws MachineError `arguments-invalid`.
 */
export function parseEngineUrl(url: string): EngineAddress {
  const [, scheme, rest = ''] = /^(tcp|unix|npipe):\/\/(.+)$/.exec(url) ?? [];
  if (scheme === 'unix') {
    return { kind: 'socket', path: rest };
  }
  if (scheme === 'npipe') {
    return { kind: 'socket', path: rest.replaceAll('/', '\\') };
  }
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-fA-F:.%]+)\]|([^:/?#@[\]\s]+))(?::([0-9]{1,5}))?\/?$/.exec(rest) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? tlsPortDefault : Number(port);
  if (scheme === undefined || host === undefined || number < 1 || number > 65535) {
    throw new MachineError(
      'arguments-invalid',
      `This is not the address of an engine: ${url.replace(/\p{Cc}/gu, '?')}`,
      {
        remedies: ['An address looks like tcp://192.0.2.7:2376'],
      },
    );
  }
  return { kind: 'tcp', host, port: number };
}
