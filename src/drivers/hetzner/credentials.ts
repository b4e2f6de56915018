import path from 'node:path';
import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { readHcloudConfig, tokenOfContext } from './hcloud-config.ts';

/** Where a token may come from besides the environment, in the order in which they count. */
export interface TokenSources {
  /** As a flag gave it, or as docker-machine stored it. */
  readonly given: string;
  /** A context of the program hcloud by name; empty for the active one. */
  readonly context: string;
}

/** A token with where it comes from, for people. */
export interface FoundToken {
  readonly token: string;
  readonly from: string;
  /** Of the program hcloud, when it comes from there. */
  readonly context?: string;
}

/**
 * Finds the token as the program hcloud does: given, a context that was named, environment, the active context.
 * Nothing that is found is kept.
 * @throws MachineError `credentials-missing`.
 */
export async function findToken(host: Host, { given, context }: TokenSources): Promise<FoundToken> {
  if (given !== '') {
    return { token: given, from: 'the flags' };
  }
  // A context that was named goes before a token that happens to be in the environment.
  const found =
    (context === '' ? undefined : await fromHcloud(host, context)) ??
    fromEnvironment(host) ??
    (context === '' ? await fromHcloud(host, '') : undefined);
  if (found !== undefined) {
    return found;
  }
  const what =
    context === ''
      ? 'hetzner driver requires a token: --hetzner-api-token, an environment variable, or a context of hcloud'
      : `hcloud has no context "${context}" with a token`;
  throw new MachineError('credentials-missing', what, {
    remedies: ['Set HETZNER_API_TOKEN or HCLOUD_TOKEN, or run: hcloud context create NAME'],
  });
}

function fromEnvironment({ facts: { env } }: Host): FoundToken | undefined {
  const name = ['HETZNER_API_TOKEN', 'HCLOUD_TOKEN'].find((each) => (env[each] ?? '') !== '');
  return name === undefined ? undefined : { token: (env[name] ?? '').trim(), from: `the variable ${name}` };
}

async function fromHcloud(host: Host, context: string): Promise<FoundToken | undefined> {
  const text = await host.files.readText(hcloudConfigPath(host)).catch(() => '');
  const found = tokenOfContext(readHcloudConfig(text), context);
  return found === undefined ? undefined : { ...found, from: `the context ${found.context} of hcloud` };
}

/** Where hcloud has its contexts: HCLOUD_CONFIG, or the place that it uses on the platform. */
function hcloudConfigPath({ facts: { env, platform, homeDirectory } }: Host): string {
  const given = env['HCLOUD_CONFIG'] ?? '';
  if (given !== '') {
    return given;
  }
  return platform === 'win32'
    ? path.win32.join(env['APPDATA'] ?? homeDirectory, 'hcloud', 'cli.toml')
    : path.posix.join(homeDirectory, '.config', 'hcloud', 'cli.toml');
}
