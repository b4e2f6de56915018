import { request } from 'node:http';
import { Agent, request as requestTls } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { messageOf } from '../core/errors.ts';
import type { HostFacts } from './types.ts';

const CONNECT_TIMEOUT_MS = 30_000;

/**
 * The proxy for a host that is reached by HTTPS, from HTTPS_PROXY, ALL_PROXY and NO_PROXY in either case;
 * undefined for a direct connection. Loopback is always direct.
 */
export function proxyFor(env: HostFacts['env'], hostname: string, port: number): URL | undefined {
  const value = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? '';
  const given = value('HTTPS_PROXY') || value('ALL_PROXY');
  if (given === '' || isLoopback(hostname) || isExcluded(value('NO_PROXY'), hostname, port)) {
    return undefined;
  }
  const text = given.includes('://') ? given : `http://${given}`;
  if (!URL.canParse(text) || !/^https?:/i.test(text)) {
    throw new Error('the proxy of the environment is not an http or https URL');
  }
  return new URL(text);
}

/** True for names and addresses of this computer itself. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(?:\.\d{1,3}){3}$/.test(bare);
}

/** An agent that reaches HTTPS hosts through the proxy of the environment, where there is one for them. */
export class ProxyAgent extends Agent {
  readonly #env: HostFacts['env'];

  constructor(env: HostFacts['env']) {
    super({ keepAlive: false });
    this.#env = env;
  }

  /** Called by node:https for each new connection. */
  override createConnection(
    options: { readonly host?: string; readonly port?: number | string; readonly servername?: string },
    done: (error: Error | null, socket?: Duplex) => void,
  ): undefined {
    const host = options.host ?? 'localhost';
    const port = Number(options.port ?? 443);
    const direct = { ...options, host, port };
    try {
      const proxy = proxyFor(this.#env, host, port);
      if (proxy === undefined) {
        done(null, connect(direct));
        return;
      }
      openTunnel(proxy, { host, port }, (error, socket) => {
        if (socket === undefined) {
          done(error);
          return;
        }
        done(null, connect({ ...direct, socket, servername: options.servername ?? host }));
      });
    } catch (error) {
      done(new Error(messageOf(error)));
    }
  }
}

function openTunnel(
  proxy: URL,
  target: { readonly host: string; readonly port: number },
  done: (error: Error | null, socket?: Duplex) => void,
): void {
  const authority = `${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
  const account = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization =
    account === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(account).toString('base64')}` };
  const asked = (proxy.protocol === 'https:' ? requestTls : request)({
    method: 'CONNECT',
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (proxy.protocol === 'https:' ? 443 : 80) : Number(proxy.port),
    path: authority,
    headers: { host: authority, ...authorization },
    timeout: CONNECT_TIMEOUT_MS,
    agent: false,
  });
  asked.once('connect', (response, socket) => {
    if (response.statusCode === 200) {
      done(null, socket);
      return;
    }
    socket.destroy();
    done(new Error(`the proxy ${proxy.host} answered ${response.statusCode ?? 0} to CONNECT ${authority}`));
  });
  asked.once('timeout', () => {
    asked.destroy(new Error(`the proxy ${proxy.host} does not answer`));
  });
  asked.once('error', (cause) => {
    done(new Error(`the proxy ${proxy.host} cannot be reached: ${cause.message}`, { cause }));
  });
  asked.end();
}

function isExcluded(noProxy: string, hostname: string, port: number): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = entry, ofPort] = /^([^:]+|\[.*\]):(\d+)$/.exec(entry) ?? [];
      const bare = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
      const fits = bare === '*' || host === bare || host.endsWith(`.${bare}`);
      return fits && (ofPort === undefined || Number(ofPort) === port);
    });
}
