import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { MachineError, systemCode } from '../core/errors.ts';
import type { Host, TlsMaterial } from '../host/types.ts';

/**
 * Contexts of the Docker CLI, written where it keeps them (docker/cli, cli/context/store): below DOCKER_CONFIG
 * or ~/.docker, a meta.json and the TLS files, each in a directory named by the SHA-256 of the context's
 * name, and the selected one as `currentContext` in config.json.
 */

/** The slice of Host that is used here. */
export type ContextHost = Pick<Host, 'files' | 'facts'>;

/** What a context leads to. */
export interface ContextTarget {
  readonly machine: string;
  readonly url: string;
  readonly material: TlsMaterial;
}

// By this key we know our own contexts; the CLI keeps what it does not know.
const ownerKey = 'tsmachine.machine';
// A machine's name alone may be one letter, or "default": the CLI takes neither.
const namePrefix = 'tsmachine-';
const endpoint = 'docker';

/** The name of a machine's context. */
export function contextName(machine: string): string {
  return `${namePrefix}${machine}`;
}

/**
 * Writes the context of a machine and selects it.
 * @returns its name.
 * @throws MachineError `machine-exists` when somebody else's context has the name, `record-invalid` when
 *   Docker's config.json is not JSON, `store-write-failed`.
 */
export async function useContext(host: ContextHost, target: ContextTarget): Promise<string> {
  const name = contextName(target.machine);
  const config = await readConfig(host);
  await writeContext(host, target);
  await selectContext(host, config, name);
  return name;
}

/** True when there is a context that was made for this machine. */
export async function hasContext(host: ContextHost, machine: string): Promise<boolean> {
  return (await ownerOf(host, contextName(machine))) === machine;
}

/** Brings a context that was made before up to date: port and certificates change. False when there is none. */
export async function refreshContext(host: ContextHost, target: ContextTarget): Promise<boolean> {
  if (!(await hasContext(host, target.machine))) {
    return false;
  }
  await writeContext(host, target);
  return true;
}

/**
 * Removes the context of a machine and, if it was selected, the selection. Nothing there, and a config.json
 * that is not JSON, are fine: this must not keep a machine from being removed.
 */
export async function forgetContext(host: ContextHost, machine: string): Promise<void> {
  const name = contextName(machine);
  if ((await ownerOf(host, name)) !== machine) {
    return;
  }
  const config = await readConfig(host).catch(() => undefined);
  if (config?.values['currentContext'] === name) {
    await selectContext(host, config, undefined);
  }
  const { meta, tls } = directoriesOf(host, name);
  await host.files.remove(meta);
  await host.files.remove(tls);
}

/** Writes the context of a machine. Throws like useContext. */
export async function writeContext(host: ContextHost, target: ContextTarget): Promise<void> {
  const name = contextName(target.machine);
  const { meta, tls } = directoriesOf(host, name);
  const owner = await ownerOf(host, name);
  if (owner !== undefined && owner !== target.machine) {
    throw new MachineError(
      'machine-exists',
      `There is a Docker context "${name}" that tsmachine did not make.`,
      {
        remedies: [`Remove it: docker context rm ${name}`],
      },
    );
  }
  const files = join(tls, endpoint);
  await host.files.makeDirectory(files, 0o700);
  await host.files.writeAtomic(join(files, 'ca.pem'), target.material.ca, 0o600);
  await host.files.writeAtomic(join(files, 'cert.pem'), target.material.cert, 0o600);
  await host.files.writeAtomic(join(files, 'key.pem'), target.material.key, 0o600);
  // Last: a context is there when its meta.json is.
  await host.files.makeDirectory(meta, 0o755);
  const description = `Machine ${target.machine}`;
  const content = {
    Name: name,
    Metadata: { Description: description, [ownerKey]: target.machine },
    Endpoints: { [endpoint]: { Host: target.url, SkipTLSVerify: false } },
  };
  await host.files.writeAtomic(join(meta, 'meta.json'), JSON.stringify(content), 0o644);
}

/** The machine whose context this is: empty for a foreign context, undefined when there is none. */
async function ownerOf(host: ContextHost, name: string): Promise<string | undefined> {
  const text = await readIfThere(host, join(directoriesOf(host, name).meta, 'meta.json'));
  if (text === undefined) {
    return undefined;
  }
  const metadata = parseObject(text)?.['Metadata'];
  const owner = isObject(metadata) ? metadata[ownerKey] : undefined;
  return typeof owner === 'string' ? owner : '';
}

interface DockerConfig {
  readonly path: string;
  readonly text: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly mode: number;
}

async function readConfig(host: ContextHost): Promise<DockerConfig> {
  const path = join(dockerDirectory(host), 'config.json');
  const text = await readIfThere(host, path);
  if (text === undefined) {
    return { path, text: '{}', values: {}, mode: 0o600 };
  }
  const values = parseObject(text);
  if (values === undefined) {
    throw new MachineError('record-invalid', `${path} is not a JSON object.`, {
      remedies: ['Mend the file: Docker itself cannot use it either.'],
    });
  }
  // People keep this file elsewhere, behind a link, which is to stay one.
  const real = await host.files.realPath(path);
  const stat = await host.files.stat(real);
  return { path: real, text, values, mode: stat === undefined ? 0o600 : stat.mode & 0o777 };
}

async function selectContext(
  host: ContextHost,
  config: DockerConfig,
  name: string | undefined,
): Promise<void> {
  const { currentContext, ...others } = config.values;
  if (currentContext === name) {
    return;
  }
  // A key that is there keeps its place.
  const values = name === undefined ? others : { ...config.values, currentContext: name };
  // The CLI writes tabs; whoever edits by hand may not.
  const indent = /^\{\r?\n([ \t]+)"/.exec(config.text)?.[1] ?? '\t';
  const end = /\s*$/.exec(config.text)?.[0] ?? '';
  await host.files.makeDirectory(dockerDirectory(host), 0o700);
  await host.files.writeAtomic(
    config.path,
    `${JSON.stringify(values, undefined, indent)}${end}`,
    config.mode,
  );
}

function directoriesOf(host: ContextHost, name: string): { readonly meta: string; readonly tls: string } {
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(dockerDirectory(host), 'contexts');
  return { meta: join(contexts, 'meta', id), tls: join(contexts, 'tls', id) };
}

function dockerDirectory(host: ContextHost): string {
  const chosen = host.facts.env['DOCKER_CONFIG'];
  return chosen === undefined || chosen === '' ? join(host.facts.homeDirectory, '.docker') : chosen;
}

async function readIfThere(host: ContextHost, path: string): Promise<string | undefined> {
  try {
    return await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
