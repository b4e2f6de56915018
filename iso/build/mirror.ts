import { MachineError } from '../../src/core/errors.ts';
import { readAptMirrors, withoutSlash } from './apt-sources.ts';
import type { ArchiveId } from './archive-keys.ts';

/** Where packages come from: one address for each archive, without a trailing slash. */
export type Mirrors = Readonly<Record<ArchiveId, string>>;

/** What a caller may say about mirrors. */
export interface MirrorOptions {
  readonly mirror?: string;
  readonly securityMirror?: string;
  /** Default: the process' environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Default: /etc/apt. */
  readonly aptDirectory?: string;
}

/**
 * The mirrors to use, for each archive the first that is known: the option, the environment variables
 * TSMACHINE_DEBIAN_MIRROR and TSMACHINE_DEBIAN_SECURITY_MIRROR, then apt's own configuration. None is
 * built in: what a mirror serves is verified whoever runs it, and whom to load is the user's choice.
 * Throws `image-build-failed` when one is not known or is no http address.
 */
export async function chooseMirrors(options: MirrorOptions): Promise<Mirrors> {
  const environment = options.environment ?? process.env;
  const main = nonEmpty(options.mirror) ?? nonEmpty(environment['TSMACHINE_DEBIAN_MIRROR']);
  const security =
    nonEmpty(options.securityMirror) ?? nonEmpty(environment['TSMACHINE_DEBIAN_SECURITY_MIRROR']);
  const apt = main === undefined || security === undefined ? await readAptMirrors(options.aptDirectory) : {};
  return {
    main: checked(main ?? apt.main, 'Debian', 'TSMACHINE_DEBIAN_MIRROR'),
    security: checked(
      security ?? apt.security,
      "Debian's security updates",
      'TSMACHINE_DEBIAN_SECURITY_MIRROR',
    ),
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value.trim();
}

function checked(address: string | undefined, of: string, variable: string): string {
  const remedies = [`Set ${variable} to the http or https address of a mirror that has the release trixie.`];
  if (address === undefined) {
    throw new MachineError('image-build-failed', `No mirror of ${of} is known`, {
      why: 'Neither an option nor the environment names one, and apt of this computer is not set up for Debian.',
      remedies,
    });
  }
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    throw new MachineError('image-build-failed', `The address of the mirror of ${of} cannot be used`, {
      why: 'It is not an http or https address.',
      facts: { address },
      remedies,
    });
  }
  return withoutSlash(address);
}
