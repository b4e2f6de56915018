import type { GuestFileName } from '../guest-files.ts';
import type { OpenMachine } from '../open.ts';
import type { OwnData } from '../own-data.ts';
import type { Session } from '../session.ts';

const timeoutMs = 10_000;
/** As many as resolvers of old took (resolv.conf(5)). */
const domainsMax = 6;
const domain = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_-]+)*\.?$/;

/**
 * The guest file with lines for its resolv.conf: the servers that it was told, and the domains in which this computer looks
 * for names, unless it ignores them. Servers of this computer are none of it: the network of the hypervisor asks them.
 */
export async function dnsFile(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<Partial<Record<GuestFileName, string>>> {
  const domains = own.ignores.includes('dns') ? [] : await searchDomains(session);
  if (domains.length > 0) {
    const message = `The machine looks for names in the domains of this computer: ${domains.join(', ')}.`;
    session.emit({ type: 'note', machine: machine.name, message });
  }
  const lines = [
    ...(domains.length === 0 ? [] : [`search ${domains.join(' ')}`]),
    ...own.dnsServers.map((server) => `nameserver ${server}`),
  ];
  return { dns: lines.map((line) => `${line}\n`).join('') };
}

const windowsKey = 'HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters';

async function searchDomains(session: Session): Promise<string[]> {
  const { platform } = session.host.facts;
  switch (platform) {
    case 'darwin':
      return domainsOf(macDomains(await ask(session, '/usr/sbin/scutil', ['--dns'])));
    case 'win32':
      return domainsOf(windowsDomains(await ask(session, 'reg.exe', ['query', windowsKey])));
    default:
      return domainsOf(
        resolverDomains(await session.host.files.readText('/etc/resolv.conf').catch(() => '')),
      );
  }
}

async function ask({ host, signal }: Session, file: string, args: readonly string[]): Promise<string> {
  try {
    return (await host.processes.run(file, args, { timeoutMs, signal })).stdout;
  } catch {
    signal.throwIfAborted();
    return '';
  }
}

function domainsOf(words: readonly string[]): string[] {
  return [...new Set(words.filter((word) => domain.test(word)))].slice(0, domainsMax);
}

/** Of resolv.conf(5): the last line with `search` or `domain` counts. */
export function resolverDomains(text: string): string[] {
  const last = [...text.matchAll(/^(?:search|domain)[ \t]+(.*)$/gm)].at(-1)?.[1] ?? '';
  return last.trim().split(/\s+/);
}

/** Of what `scutil --dns` prints: those of the first resolver, which is that of all names. Source: scutil(8). */
export function macDomains(text: string): string[] {
  const first =
    /^resolver #1\n([\s\S]*?)(?=^resolver #|^DNS configuration \(|$(?![\s\S]))/m.exec(text)?.[1] ?? '';
  return [...first.matchAll(/^\s*(?:search domain\[\d+\]|domain)\s*: (\S+)$/gm)].map(
    ([, name]) => name ?? '',
  );
}

/** Of what `reg query` prints: the list that somebody has set, else the domains of computer and network. */
export function windowsDomains(text: string): string[] {
  const value = (name: string): string =>
    new RegExp(`^ {4}${name} {4}REG_SZ {4}(.*?)\\r?$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const list = value('SearchList');
  return list === '' ? [value('Domain'), value('DhcpDomain')] : list.split(/[,\s]+/);
}
