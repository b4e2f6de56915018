import type { HostFacts } from './facts.ts';
import type { HostSetup } from './setup.ts';

/** Directory and file of the CAs that the engine of a host trusts besides those of the host; nobody else looks there. */
const directory = '/etc/docker/tsmachine-ca';
export const extraAuthoritiesPath = `${directory}/extra-ca.pem`;

/** The same where only one directory outlives a restart. */
const boot2dockerDirectory = '/var/lib/boot2docker/tsmachine-ca';
export const boot2dockerExtraAuthoritiesPath = `${boot2dockerDirectory}/extra-ca.pem`;

/**
 * Where Go looks besides the system's one file (crypto/x509, root_linux.go). Naming directories replaces the list; what is
 * not there is passed over.
 */
const systemDirectories = '/etc/ssl/certs:/etc/pki/tls/certs';

/** What has to be done so that the engine trusts these CAs, and no longer those of before. */
export interface ExtraAuthorities {
  /** The file and what it has to hold; empty for a file that is not to be there. */
  readonly path: string;
  readonly content: string;
  /** The engine's environment with what makes it look there. */
  readonly env: readonly string[];
}

/** See above. Directories that the options name already are kept. */
export function extraAuthorities(
  facts: Pick<HostFacts, 'serviceManager'>,
  setup: HostSetup,
): ExtraAuthorities {
  const isBoot2docker = facts.serviceManager === 'boot2docker';
  const path = isBoot2docker ? boot2dockerExtraAuthoritiesPath : extraAuthoritiesPath;
  const given = setup.options?.Env ?? [];
  const content = setup.extraAuthorities;
  if (content === '') {
    return { path, content, env: given };
  }
  const name = 'SSL_CERT_DIR=';
  const present = given.find((assignment) => assignment.startsWith(name))?.slice(name.length);
  const others = given.filter((assignment) => !assignment.startsWith(name));
  const own = isBoot2docker ? boot2dockerDirectory : directory;
  return { path, content, env: [...others, `${name}${present ?? systemDirectories}:${own}`] };
}
