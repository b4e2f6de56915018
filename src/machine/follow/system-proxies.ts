import type { Session } from '../session.ts';

const timeoutMs = 10_000;

/** Variables of an environment that would name the same proxies. */
export type ProxyVariables = Readonly<Record<string, string>>;

/**
 * The proxies in the environment, or, where it names none, those in the settings of macOS or Windows. A configuration by a
 * script (PAC) is not one.
 */
export async function proxyVariables(
  session: Session,
): Promise<Readonly<Record<string, string | undefined>>> {
  const { env, platform } = session.host.facts;
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'];
  if (names.some((name) => (env[name] ?? '').trim() !== '')) {
    return env;
  }
  if (platform === 'darwin') {
    return macProxies(await ask(session, '/usr/sbin/scutil', ['--proxy']));
  }
  return platform === 'win32'
    ? windowsProxies(await ask(session, 'reg.exe', ['query', internetSettings]))
    : env;
}

const internetSettings = 'HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings';

async function ask({ host, signal }: Session, file: string, args: readonly string[]): Promise<string> {
  try {
    return (await host.processes.run(file, args, { timeoutMs, signal })).stdout;
  } catch {
    signal.throwIfAborted();
    return '';
  }
}

/** Reads what `scutil --proxy` prints: a dictionary, a key a line, and an array of exceptions. Source: scutil(8). */
export function macProxies(text: string): ProxyVariables {
  const values = new Map(
    [...text.matchAll(/^ {2}(\w+) : (.+)$/gm)].map(([, key, value]) => [key ?? '', (value ?? '').trim()]),
  );
  const array = /^ {2}ExceptionsList : <array> \{\n([\s\S]*?)^ {2}\}/m.exec(text)?.[1] ?? '';
  const exceptions = [...array.matchAll(/^\s+\d+ : (.+)$/gm)].map(([, value]) => (value ?? '').trim());
  const server = (kind: 'HTTP' | 'HTTPS'): string => {
    const name = values.get(`${kind}Proxy`) ?? '';
    const port = values.get(`${kind}Port`);
    const isOn = values.get(`${kind}Enable`) === '1' && name !== '';
    return isOn ? `http://${name}${port === undefined ? '' : `:${port}`}` : '';
  };
  return variables({ http: server('HTTP'), https: server('HTTPS'), exceptions });
}

/**
 * Reads what `reg query` prints of the Internet settings: a name, a type and a value a line. ProxyServer is one server for
 * all, or a list `http=…;https=…`; ProxyOverride is a list.
 */
export function windowsProxies(text: string): ProxyVariables {
  const values = new Map(
    [...text.matchAll(/^ {4}(\w+) {4}REG_\w+ {4}(.*?)\r?$/gm)].map(([, key, value]) => [
      key ?? '',
      value ?? '',
    ]),
  );
  if (Number.parseInt(values.get('ProxyEnable') ?? '0', 16) !== 1) {
    return {};
  }
  const servers = (values.get('ProxyServer') ?? '').split(';').map((one) => one.trim());
  const named = new Map(
    servers
      .filter((one) => one.includes('='))
      .map((one) => [one.replace(/=.*/, ''), one.replace(/^[^=]*=/, '')]),
  );
  const forAll = servers.find((one) => one !== '' && !one.includes('=')) ?? '';
  const exceptions = (values.get('ProxyOverride') ?? '').split(';').map((one) => one.trim());
  return variables({ http: named.get('http') ?? forAll, https: named.get('https') ?? forAll, exceptions });
}

function variables(settings: {
  readonly http: string;
  readonly https: string;
  readonly exceptions: readonly string[];
}): ProxyVariables {
  const { http, https } = settings;
  const exceptions = settings.exceptions.map(exception).filter((one) => one !== '');
  return {
    ...(http === '' ? {} : { HTTP_PROXY: http }),
    ...(https === '' ? {} : { HTTPS_PROXY: https }),
    ...(exceptions.length === 0 ? {} : { NO_PROXY: exceptions.join(',') }),
  };
}

/** An exception as Go understands it: a domain with what is below it, an address, or a network. */
function exception(pattern: string): string {
  // Names without a dot: Go has no word for them.
  if (pattern === '<local>' || /[\s,]/.test(pattern)) {
    return '';
  }
  const network = /^(\d{1,3}(?:\.\d{1,3}){0,2})(?:\.\*)+$/.exec(pattern)?.[1];
  if (network !== undefined) {
    return ofBytes(network, network.split('.').length * 8);
  }
  const [, short, bits] = /^(\d{1,3}(?:\.\d{1,3}){0,3})\/(\d{1,2})$/.exec(pattern) ?? [];
  if (short !== undefined) {
    return ofBytes(short, Number(bits));
  }
  return pattern.replace(/^\*(?=\.)/, '').replace(/^\*(?=.)/, '.');
}

function ofBytes(begin: string, bits: number): string {
  const bytes = begin.split('.');
  return `${[...bytes, '0', '0', '0'].slice(0, 4).join('.')}/${bits}`;
}
