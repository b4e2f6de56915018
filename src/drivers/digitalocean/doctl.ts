import path from 'node:path';
import type { Host } from '../../host/types.ts';

/** The configuration of doctl, DigitalOcean's own tool, which keeps tokens. */

/** What of it is of use. */
export interface DoctlConfig {
  /** Of the context `default`. */
  readonly accessToken: string;
  /** Name of the context that is used when none is named. */
  readonly context: string;
  /** Tokens by context. */
  readonly contexts: ReadonlyMap<string, string>;
}

/** Where it may be: as doctl puts it on this platform (Go's os.UserConfigDir), and where the snap has it. */
function places({ facts: { platform, env, homeDirectory } }: Host): readonly string[] {
  const file = ['doctl', 'config.yaml'] as const;
  if (platform === 'win32') {
    return [path.win32.join(env['APPDATA'] ?? `${homeDirectory}\\AppData\\Roaming`, ...file)];
  }
  if (platform === 'darwin') {
    return [path.posix.join(homeDirectory, 'Library', 'Application Support', ...file)];
  }
  const ofUser = env['XDG_CONFIG_HOME'] ?? '';
  return [
    path.posix.join(ofUser === '' ? path.posix.join(homeDirectory, '.config') : ofUser, ...file),
    path.posix.join(homeDirectory, 'snap', 'doctl', 'current', '.config', ...file),
  ];
}

/** The token of a context of doctl's, and the file; undefined when there is none. Empty for the current context. */
export async function doctlToken(
  host: Host,
  context: string,
): Promise<{ readonly token: string; readonly file: string } | undefined> {
  for (const file of places(host)) {
    const text = await host.files.readText(file).catch(() => undefined);
    if (text !== undefined) {
      const config = parseDoctlConfig(text);
      const name = context === '' ? config.context : context;
      const token = name === 'default' ? config.accessToken : (config.contexts.get(name) ?? '');
      return token === '' ? undefined : { token, file };
    }
  }
  return undefined;
}

/** Reads the YAML that doctl writes: keys with plain or quoted texts, and one map that is indented. */
export function parseDoctlConfig(text: string): DoctlConfig {
  const top = new Map<string, string>();
  const contexts = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    const [, indent = '', quotedKey, value = ''] =
      /^(\s*)("[^"]*"|'[^']*'|[^\s#:][^:]*):(?:\s+(.*))?$/.exec(line) ?? [];
    if (quotedKey === undefined) {
      continue;
    }
    const key = scalar(quotedKey);
    if (indent === '') {
      section = key;
      top.set(key, scalar(value));
    } else if (section === 'auth-contexts') {
      contexts.set(key, scalar(value));
    }
  }
  return {
    accessToken: top.get('access-token') ?? '',
    context: top.get('context') || 'default',
    contexts,
  };
}

/** A text of YAML, quoted or plain, without the comment behind it. */
function scalar(text: string): string {
  const [, double, single] = /^(?:"([^"]*)"|'([^']*)')/.exec(text.trim()) ?? [];
  return double ?? single ?? text.replace(/\s+#.*$/, '').trim();
}
