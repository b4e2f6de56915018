import { seenFromMachine } from './loopback.ts';

/** Variables of a computer's proxies that the engine understands, too (Go's net/http: ProxyFromEnvironment). */
const variables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'] as const;

/** The proxies of this computer as an engine in a machine names them. */
export interface HostProxies {
  /** `NAME=VALUE` each. May hold passwords: never shown, never in the record. */
  readonly env: readonly string[];
  /** Variables that name a proxy which listens for this computer alone, and which the machine does not reach. */
  readonly unreachable: readonly string[];
}

/**
 * The proxies of an environment. One on loopback is named by the address under which machines of this driver reach this
 * computer, `gateway`; where they have none it is left out.
 * @param given assignments that somebody made himself, which count before these, in upper case or lower
 */
export function hostProxies(
  env: Readonly<Record<string, string | undefined>>,
  gateway: string | undefined,
  given: readonly string[],
): HostProxies {
  const taken = new Set(given.map((assignment) => assignment.split('=', 1)[0]?.toUpperCase()));
  const found: string[] = [];
  const unreachable: string[] = [];
  for (const name of variables) {
    const value = nonEmpty(env[name]) ?? nonEmpty(env[name.toLowerCase()]);
    if (value === undefined || taken.has(name)) {
      continue;
    }
    const seen = name === 'NO_PROXY' ? value : seenFromMachine(value, gateway);
    if (seen === undefined) {
      unreachable.push(name);
    } else {
      found.push(`${name}=${seen}`);
    }
  }
  // Without a proxy there is nothing that it would be an exception of.
  return { env: found.some((each) => !each.startsWith('NO_PROXY=')) ? found : [], unreachable };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' || /[\n\r\0]/.test(value) ? undefined : value.trim();
}
