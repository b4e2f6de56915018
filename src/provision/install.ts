import { MachineError } from '../core/errors.ts';
import { quoteArgument } from '../ssh/quote.ts';
import type { HostFacts } from './facts.ts';
import type { Family } from './family.ts';
import { longScript } from './long-script.ts';

/** docker-machine's default. Its script is used only where a system has no package of the engine itself. */
export const defaultInstallUrl = 'https://get.docker.com';

/** Where a host gets its engine from, and why. */
export type EngineSource =
  | { readonly kind: 'present' }
  | { readonly kind: 'packages' | 'script'; readonly script: string; readonly why: string };

/**
 * Decides how a host without an engine gets one. A URL that was given wins; the default one is docker-machine's and
 * nobody's choice, so the packages of the system go before it: they are signed, they come from the mirrors that the host
 * uses anyhow, they are upgraded with it, and no program of the internet runs as root.
 * @throws MachineError `system-unsupported` when there is no engine and no way to one.
 */
export function engineSource(
  facts: HostFacts,
  family: Family,
  options: { readonly installUrl: string; readonly env: readonly string[] },
): EngineSource {
  if (hasEngine(facts)) {
    return { kind: 'present' };
  }
  const { installUrl, env } = options;
  if (installUrl === 'none') {
    throw new MachineError('system-unsupported', 'The host has no engine, and none is to be installed.', {
      why: '--engine-install-url is "none"',
    });
  }
  const isDefault = hasDefaultSource(installUrl);
  const proxies = proxyExports(env);
  if (!isDefault) {
    const script = `${proxies}${urlScript(requireUrl(installUrl), facts, family)}`;
    return { kind: 'script', script, why: `as --engine-install-url says` };
  }
  if (family.install === undefined) {
    throw new MachineError('system-unsupported', `The host has no engine: ${facts.os.prettyName}.`, {
      ...(family.withoutPackages === undefined ? {} : { why: family.withoutPackages }),
    });
  }
  return {
    kind: 'packages',
    script: `${proxies}${family.install(facts)}`,
    why: `from the packages for ${facts.os.prettyName}`,
  };
}

/** True where nobody chose where the engine comes from. */
export function hasDefaultSource(installUrl: string): boolean {
  return installUrl === '' || installUrl === defaultInstallUrl;
}

/** What installs the engine, so that of several at the same time one works and the others wait for it. */
export function installScript(script: string): string {
  return longScript(script, {
    isDone: 'command -v dockerd >/dev/null 2>&1',
    lockPath: '/run/tsmachine-install.lock',
  });
}

/** True for a host that has an engine and a service that starts it. */
export function hasEngine(facts: HostFacts): boolean {
  return facts.serviceManager === 'systemd' ? facts.unit !== '' : facts.enginePath !== undefined;
}

/** @throws MachineError `flag-invalid`. */
export function requireUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !['http:', 'https:'].includes(parsed.protocol)) {
    throw new MachineError(
      'flag-invalid',
      `--engine-install-url takes an http(s) URL or "none", not ${JSON.stringify(url)}.`,
    );
  }
  return parsed.href;
}

/** Proxies of the engine are those of its installation too: `export` lines for both ways of writing them. */
export function proxyExports(env: readonly string[]): string {
  const lines = proxiesOf(env).map(([name, value]) => {
    const quoted = quoteArgument(value);
    return `export ${name.toLowerCase()}=${quoted} ${name.toUpperCase()}=${quoted}`;
  });
  return lines.map((line) => `${line}\n`).join('');
}

/** The proxies among variables of an environment, with their names as they were written. */
export function proxiesOf(env: readonly string[]): (readonly [name: string, value: string])[] {
  return env.flatMap((assignment) => {
    const match = /^((?:https?|ftp|all|no)_proxy)=([\s\S]*)$/i.exec(assignment);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
  });
}

/**
 * Fetches a script on the host and runs it when it is whole: a transfer that was cut is an error of curl and wget, and
 * of a script that ends in the middle of a command nothing is run. The URL may hold a token, so it goes to curl and
 * wget by their input.
 */
function urlScript(url: string, { downloader }: HostFacts, family: Family): string {
  const quoted = quoteArgument(url);
  const fetch =
    downloader === 'wget'
      ? `printf '%s\\n' ${quoted} | wget -q -T 60 -t 3 -i - -O "$directory/install.sh"`
      : `printf 'url = "%s"\\n' ${quoted} | curl -fsSL --connect-timeout 30 --retry 3 -K - -o "$directory/install.sh"`;
  const curl = downloader === undefined ? (family.installCurl ?? '') : '';
  return `${curl}
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
${fetch}
sh -n "$directory/install.sh"
sh "$directory/install.sh" 3>&-
`;
}
