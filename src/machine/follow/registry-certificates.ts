import { posix, win32 } from 'node:path';
import { tarArchive } from '../../drivers/tar.ts';
import type { Host } from '../../host/types.ts';
import { readSmallFile } from './certificate-files.ts';

/** Certificates for single registries, as the engine has them in its directory `certs.d`. */
export interface RegistryCertificates {
  readonly registry: string;
  readonly from: string;
  readonly files: readonly { readonly name: string; readonly content: Uint8Array }[];
}

/** Of more than these nobody has heard; each is a name of a server, a port may follow. */
const registriesMax = 200;
const registryName = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,200}|\[[0-9a-fA-F:]{2,40}\])(?::\d{1,5})?$/;
/** A tar has no room for more. */
const pathBytesMax = 99;
/** A CA is `*.crt`; a client shows `NAME.cert`, for which there is `NAME.key`. */
const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.(?:crt|cert|key)$/;

/**
 * The directories `REGISTRY/` with certificates that engines of this computer use. Of two for the same registry the first
 * counts, the user's own.
 */
export async function registryCertificates(host: Host): Promise<RegistryCertificates[]> {
  const found = new Map<string, RegistryCertificates>();
  for (const directory of directories(host)) {
    const entries = await host.files.list(directory).catch(() => []);
    for (const registry of entries.map(({ name }) => name).sort()) {
      if (registryName.test(registry) && !found.has(registry) && found.size < registriesMax) {
        const from = pathsOf(host).join(directory, registry);
        const files = await filesIn(host, from, pathBytesMax - `${registry}/`.length);
        if (files.length > 0) {
          found.set(registry, { registry, from, files });
        }
      }
    }
  }
  return [...found.values()];
}

/** Sources: the manuals of Docker Engine, of its rootless mode, and of Docker Desktop. */
function directories(host: Host): string[] {
  const { platform, homeDirectory, env } = host.facts;
  const paths = pathsOf(host);
  const ofUser = paths.join(homeDirectory, '.docker', 'certs.d');
  if (platform === 'win32') {
    return [ofUser, paths.join(env['ProgramData'] ?? 'C:\\ProgramData', 'docker', 'certs.d')];
  }
  return [ofUser, paths.join(configDirectory(host), 'docker', 'certs.d'), '/etc/docker/certs.d'];
}

/** Where programs of the user have their configuration (XDG). */
export function configDirectory({ facts: { env, homeDirectory } }: Pick<Host, 'facts'>): string {
  const configured = env['XDG_CONFIG_HOME'] ?? '';
  return posix.isAbsolute(configured) ? configured : posix.join(homeDirectory, '.config');
}

function pathsOf({ facts }: Host): typeof posix {
  return facts.platform === 'win32' ? win32 : posix;
}

async function filesIn(
  host: Host,
  directory: string,
  nameBytesMax: number,
): Promise<RegistryCertificates['files']> {
  const entries = await host.files.list(directory).catch(() => []);
  const names = entries
    .map(({ name }) => name)
    .filter((name) => fileName.test(name) && name.length <= nameBytesMax);
  const files = await Promise.all(
    names.sort().map(async (name) => {
      const path = pathsOf(host).join(directory, name);
      return { name, content: await readSmallFile(host.files, path).catch(() => new Uint8Array()) };
    }),
  );
  // An engine refuses a whole directory for a client certificate without its key, or a key without its certificate.
  const readable = files.filter(({ content }) => content.length > 0);
  const has = (name: string): boolean => readable.some((file) => file.name === name);
  return readable.filter(
    ({ name }) =>
      name.endsWith('.crt') || (has(name.replace(/\w+$/, 'cert')) && has(name.replace(/\w+$/, 'key'))),
  );
}

/** They as a tar of REGISTRY/FILE; empty when there are none. */
export function registryTar(certificates: readonly RegistryCertificates[]): Uint8Array {
  if (certificates.length === 0) {
    return new Uint8Array();
  }
  return tarArchive(
    certificates.flatMap(({ registry, files }) =>
      files.map(({ name, content }) => ({ name: `${registry}/${name}`, mode: 0o600, content })),
    ),
  );
}
