import { quoteArgument } from '../../ssh/quote.ts';

/** Where boot2docker keeps what outlives a restart. */
const directory = '/var/lib/boot2docker';

export const profilePath = `${directory}/profile`;

/** Certificates where boot2docker, and our image, have them. */
export const boot2dockerCertificates = {
  ca: `${directory}/ca.pem`,
  server: `${directory}/server.pem`,
  serverKey: `${directory}/server-key.pem`,
} as const;

/** Part of our image: takes certificates over without a restart of the engine. */
export const renewProgram = '/usr/lib/tsmachine/renew-certificates';

const begin = '# tsmachine: begin';
const end = '# tsmachine: end';

/** What the profile is to say. */
export interface ProfileOptions {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly enginePort: number;
  readonly storageDriver: string;
}

/**
 * boot2docker's profile, a shell file, with a part of ours behind what is there: the later assignment counts. It is
 * the same that docker-machine writes, safely quoted.
 */
export function profileText(present: string, options: ProfileOptions): string {
  const rest = present.replace(new RegExp(`${begin}\\n[\\s\\S]*?${end}\\n`), '');
  const { args, env, enginePort, storageDriver } = options;
  const lines = [
    begin,
    `EXTRA_ARGS=${quoteArgument(args.join('\n'))}`,
    `CACERT=${boot2dockerCertificates.ca}`,
    `DOCKER_HOST='-H tcp://0.0.0.0:${enginePort}'`,
    `DOCKER_STORAGE=${quoteArgument(storageDriver === '' ? 'overlay2' : storageDriver)}`,
    'DOCKER_TLS=auto',
    `SERVERKEY=${boot2dockerCertificates.serverKey}`,
    `SERVERCERT=${boot2dockerCertificates.server}`,
    ...env.map(exportLine),
    end,
  ];
  const complete = rest === '' || rest.endsWith('\n') ? rest : `${rest}\n`;
  return `${complete}${lines.join('\n')}\n`;
}

function exportLine(assignment: string): string {
  const at = assignment.indexOf('=');
  return `export ${assignment.slice(0, at)}=${quoteArgument(assignment.slice(at + 1))}`;
}
