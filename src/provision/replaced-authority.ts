import { createHash, X509Certificate } from 'node:crypto';
import { daemonConfigPath, parseDaemonConfig } from './daemon-config.ts';
import type { HostFacts } from './facts.ts';
import type { HostSetup, ReplacedAuthority } from './setup.ts';
import { dropInPath } from './unit.ts';

/** Files of certificates on a host. */
interface CertificatePaths {
  readonly ca: string;
  readonly server: string;
  readonly serverKey: string;
}

/**
 * The CA of somebody else that the host has in the place where ours is to be: of another store, or of a person. Undefined
 * when there is none, or it is ours already.
 */
export function replacedAuthority(
  facts: Pick<HostFacts, 'files'>,
  { certificates }: Pick<HostSetup, 'certificates'>,
  paths: CertificatePaths,
): ReplacedAuthority | undefined {
  const present = facts.files.get(paths.ca);
  if (present === undefined || present.trim() === certificates.ca.trim()) {
    return undefined;
  }
  const digest = createHash('sha256').update(present).digest('hex');
  return {
    ...describe(present),
    files: Object.values(paths) as string[],
    suffix: `.replaced-${digest.slice(0, 8)}`,
  };
}

/**
 * True for a host that was set up by docker-machine or by tsmachine, from whatever store: both write this drop-in, and
 * label the engine with its driver.
 */
export function isMachineHost({ files }: Pick<HostFacts, 'files'>): boolean {
  const { labels } = parseDaemonConfig(files.get(daemonConfigPath));
  const isLabelled = Array.isArray(labels) && labels.some((label) => String(label).startsWith('provider='));
  return isLabelled || files.has(dropInPath);
}

function describe(pem: string): { readonly owner: string; readonly since: string | undefined } {
  try {
    const { subject, validFromDate } = certificateOf(pem);
    const values = new Map(
      subject.split('\n').map((line): [string, string] => {
        const at = line.indexOf('=');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
    const owner = [values.get('CN'), values.get('O')].filter((value) => value !== undefined).join(', ');
    return { owner: owner.replace(/\p{Cc}+/gu, ' ').slice(0, 100), since: validFromDate };
  } catch {
    return { owner: '', since: undefined };
  }
}

function certificateOf(pem: string): { readonly subject: string; readonly validFromDate: string } {
  const { subject, validFrom } = new X509Certificate(pem);
  return { subject, validFromDate: new Date(validFrom).toISOString().slice(0, 10) };
}
