import { posix as unixPaths, win32 as windowsPaths } from 'node:path';
import { MachineError, messageOf, systemCode } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import { parseYaml, type YamlMapping, type YamlValue } from './yaml.ts';

/**
 * Entries of clouds.yaml and secure.yaml, found where OpenStack's own tools find them ("Configuring OpenStack SDK
 * Applications"): the file of a variable, the current directory, the user's configuration, /etc/openstack.
 */

/** One entry. Texts only; `auth` besides. */
export interface Cloud {
  /** For messages. */
  readonly from: string;
  readonly auth: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** @throws MachineError `credentials-missing` when there is no such entry, or its file cannot be read. */
export async function readCloud(host: Host, name: string): Promise<Cloud> {
  const clouds = await readFirst(host, 'clouds', 'OS_CLIENT_CONFIG_FILE');
  const secure = await readFirst(host, 'secure', 'OS_CLIENT_SECURE_FILE');
  const entry = mapping(mapping(clouds?.content)?.['clouds'])?.[name];
  if (clouds === undefined || mapping(entry) === undefined) {
    const why =
      clouds === undefined
        ? `There is no clouds.yaml: ${placesOf(host, 'clouds').join(', ')}.`
        : `${clouds.path} has no such entry.`;
    throw new MachineError('credentials-missing', `The cloud "${name}" is not known.`, { why, remedies: [] });
  }
  const own = mapping(mapping(mapping(secure?.content)?.['clouds'])?.[name]) ?? {};
  const merged = merge(mapping(entry) ?? {}, own);
  const auth = texts(mapping(merged['auth']) ?? {});
  if (auth['auth_url'] === undefined && (merged['profile'] ?? merged['cloud']) !== undefined) {
    throw new MachineError('credentials-missing', `The cloud "${name}" has no auth_url.`, {
      why: `${clouds.path} refers to a profile of a vendor, which only OpenStack's own tools know.`,
      remedies: ['Write auth_url into the entry.'],
    });
  }
  return { from: clouds.path, auth, options: texts(merged) };
}

async function readFirst(
  host: Host,
  kind: 'clouds' | 'secure',
  variable: string,
): Promise<{ readonly path: string; readonly content: YamlValue } | undefined> {
  const named = host.facts.env[variable] ?? '';
  for (const file of named === '' ? placesOf(host, kind) : [named]) {
    let text: string;
    try {
      text = await host.files.readText(file);
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
        continue;
      }
      throw unreadable(file, error);
    }
    try {
      return { path: file, content: parseYaml(text) };
    } catch (error) {
      throw unreadable(file, error);
    }
  }
  return undefined;
}

function placesOf({ facts }: Host, kind: string): string[] {
  const paths = facts.platform === 'win32' ? windowsPaths : unixPaths;
  const join = (...parts: readonly string[]): string => paths.join(...parts);
  const configured = facts.env['XDG_CONFIG_HOME'] ?? '';
  const directories = [
    facts.currentDirectory,
    configured === '' ? join(facts.homeDirectory, '.config', 'openstack') : join(configured, 'openstack'),
    ...(facts.platform === 'darwin'
      ? [join(facts.homeDirectory, 'Library', 'Application Support', 'openstack')]
      : []),
    ...(facts.platform === 'win32' ? [] : ['/etc/openstack']),
  ];
  return directories.flatMap((directory) => [
    join(directory, `${kind}.yaml`),
    join(directory, `${kind}.yml`),
  ]);
}

function unreadable(file: string, error: unknown): MachineError {
  return new MachineError('credentials-missing', `${file} cannot be read.`, {
    why: `${messageOf(error)}.`,
    remedies: [],
    cause: error,
  });
}

function mapping(value: YamlValue | undefined): YamlMapping | undefined {
  return typeof value === 'object' && !Array.isArray(value) ? (value as YamlMapping) : undefined;
}

function merge(base: YamlMapping, over: YamlMapping): YamlMapping {
  const merged: Record<string, YamlValue> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const [one, other] = [mapping(merged[key]), mapping(value)];
    merged[key] = one !== undefined && other !== undefined ? merge(one, other) : value;
  }
  return merged;
}

function texts(values: YamlMapping): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string' && pair[1] !== '',
    ),
  );
}
