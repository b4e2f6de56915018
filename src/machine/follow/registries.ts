import { posix, win32 } from 'node:path';
import type { Host } from '../../host/types.ts';
import type { EngineOptions } from '../../store/record.ts';
import { isMirror } from '../engine-options.ts';
import { seenFromMachine } from './loopback.ts';
import { readSmallFile } from './certificate-files.ts';
import { configDirectory } from './registry-certificates.ts';

/** Settings about registries that are taken over. */
export interface HostRegistries {
  /** The options of a machine, with them. */
  readonly options: EngineOptions | null;
  /** What was taken over and from where, and what was not, in sentences. */
  readonly notes: readonly string[];
}

/** The two lists, their keys in daemon.json and in the record. */
const lists = [
  { key: 'registry-mirrors', option: 'RegistryMirror', what: 'registry mirrors' },
  { key: 'insecure-registries', option: 'InsecureRegistry', what: 'insecure registries' },
] as const;

/**
 * The options of a machine with the mirrors and insecure registries of the engines of this computer. A list that the
 * options have already stays as it is.
 * @param gateway address at which machines reach this computer
 */
export async function withHostRegistries(
  host: Host,
  options: EngineOptions | null,
  gateway: string | undefined,
): Promise<HostRegistries> {
  const notes: string[] = [];
  if (options === null) {
    return { options, notes };
  }
  let result = options;
  for (const file of configFiles(host)) {
    const config = await readConfig(host, file);
    for (const { key, option, what } of lists) {
      const listed = textsOf(config[key]).map((entry) => usable(key, entry, gateway));
      const left = listed.flatMap(({ entry, value }) => (value === undefined ? [entry] : []));
      const present = result[option] ?? [];
      const found = listed.flatMap(({ value }) =>
        value === undefined || present.includes(value) ? [] : [value],
      );
      if ((options[option] ?? []).length > 0) {
        continue;
      }
      if (found.length > 0) {
        notes.push(`The engine uses ${what} of ${file}: ${found.join(', ')}.`);
        result = { ...result, [option]: [...present, ...new Set(found)] };
      }
      if (left.length > 0) {
        notes.push(
          `The engine does not use ${what} of ${file} that it cannot: ${left.map(withoutPassword).join(', ')}.`,
        );
      }
    }
  }
  return { options: result, notes };
}

function withoutPassword(entry: string): string {
  return entry.replace(/\/\/[^/]*@/, '//…@');
}

/** Of Docker Desktop, of an engine without root, of the system's. */
function configFiles({ facts }: Host): string[] {
  const { platform, homeDirectory, env } = facts;
  if (platform === 'win32') {
    const data = env['ProgramData'] ?? 'C:\\ProgramData';
    return [
      win32.join(homeDirectory, '.docker', 'daemon.json'),
      win32.join(data, 'docker', 'config', 'daemon.json'),
    ];
  }
  return [
    posix.join(homeDirectory, '.docker', 'daemon.json'),
    posix.join(configDirectory({ facts }), 'docker', 'daemon.json'),
    '/etc/docker/daemon.json',
  ];
}

/** One that is not there or broken, which is its engine's affair, says nothing. */
async function readConfig(host: Host, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(await readSmallFile(host.files, path)));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** The entry as an engine in a machine has to name it; no value for what it would not start with, or not reach. */
function usable(
  key: (typeof lists)[number]['key'],
  entry: string,
  gateway: string | undefined,
): { readonly entry: string; readonly value: string | undefined } {
  if (key === 'insecure-registries') {
    // A name or an address, a port may follow; or a range of addresses.
    return { entry, value: /^[\w.:[\]-]+(?:\/\d{1,3})?$/.test(entry) ? entry : undefined };
  }
  return { entry, value: isMirror(entry) ? seenFromMachine(entry, gateway) : undefined };
}
