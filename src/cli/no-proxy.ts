type Environment = Readonly<Record<string, string | undefined>>;

/** A change of the variable that keeps proxies out; `value` undefined removes it. */
export interface ProxyChange {
  readonly variable: 'no_proxy' | 'NO_PROXY';
  readonly value: string | undefined;
}

const proxyVariables = ['http_proxy', 'https_proxy', 'all_proxy'];

/**
 * What `env` does so that the Docker client reaches the machine directly. By itself it adds the address when a proxy is
 * set and the variable does not cover the address yet; when asked for, it always prints the variable, as docker-machine.
 */
export function addToNoProxy(env: Environment, address: string, isAsked: boolean): ProxyChange | undefined {
  const { variable, value } = current(env);
  const isCovered = covers(value, address);
  const hasProxy = proxyVariables.some((name) => isSet(env[name]) || isSet(env[name.toUpperCase()]));
  if (!isAsked && (isCovered || !hasProxy)) {
    return undefined;
  }
  return { variable, value: isCovered ? value : [...(value === '' ? [] : [value]), address].join(',') };
}

/**
 * What `env --unset --no-proxy` does: takes away the address that `env` added at the end, or the variable when nothing
 * else is in it. The address is that of DOCKER_HOST.
 */
export function removeFromNoProxy(env: Environment): ProxyChange | undefined {
  const { variable, value } = current(env);
  if (value === '') {
    return { variable, value: undefined };
  }
  const address = /^tcp:\/\/(?:\[([^\]]+)\]|([^:/]+))/.exec(env['DOCKER_HOST'] ?? '');
  const entries = value.split(',');
  if (address === null || entries.at(-1)?.trim() !== (address[1] ?? address[2])) {
    return undefined;
  }
  return { variable, value: entries.length === 1 ? undefined : entries.slice(0, -1).join(',') };
}

function current(env: Environment): { readonly variable: ProxyChange['variable']; readonly value: string } {
  const lower = env['no_proxy'] ?? '';
  return lower === ''
    ? { variable: 'NO_PROXY', value: env['NO_PROXY'] ?? '' }
    : { variable: 'no_proxy', value: lower };
}

/** Entries are addresses, names with everything below them, `*`, or a block of loopback addresses. */
function covers(value: string, address: string): boolean {
  const entries = value.split(',').map((entry) => entry.trim().toLowerCase());
  const wanted = address.toLowerCase();
  const isLoopback = wanted.startsWith('127.');
  return entries.some(
    (entry) =>
      entry === '*' ||
      entry === wanted ||
      (isLoopback && entry === '127.0.0.0/8') ||
      (entry !== '' && /[a-z]/.test(wanted) && wanted.endsWith(`.${entry.replace(/^\*?\./, '')}`)),
  );
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '';
}
