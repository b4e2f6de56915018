import { MachineError } from '../core/errors.ts';

/** How a program that speaks SSH reaches a machine, to be written as a block of ssh_config(5). */
export interface ClientHost {
  /** What is typed for it: the name of the machine. */
  readonly alias: string;
  readonly hostName: string;
  readonly port: number;
  readonly user: string;
  /** Absolute; without it the user's agent and keys are asked. */
  readonly identityFile?: string | undefined;
  /** Absolute path of a file with the host key under `hostKeyAlias(alias)`. */
  readonly knownHostsFile: string;
}

const plainAlias = /^[A-Za-z0-9][A-Za-z0-9.-]*$/;
const plainUser = /^[\p{L}\p{N}_][\p{L}\p{N}_.@+-]*\$?$/u;
const plainHostName = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%[\w.-]+)?)$/;

/**
 * docker-machine's settings for calls by programs, but for the host key, which is verified, and for errors, which are
 * said. They stand in a file and not on the command line, where the first wins: what the user says counts.
 */
const callSettings = [
  'ConnectionAttempts 3',
  'ConnectTimeout 10',
  'ControlMaster no',
  'ControlPath none',
  'LogLevel ERROR',
  'PasswordAuthentication no',
  'ServerAliveInterval 60',
] as const;

/**
 * The block of a machine for ssh_config(5): to be put into the user's own file.
 * @throws MachineError `record-invalid` for a value that this syntax cannot hold, or that a program could take for
 *   something else.
 */
export function hostBlock(host: ClientHost, platform: NodeJS.Platform): string {
  return block(host, platform, []);
}

/** The same block for calls by this program. @throws MachineError like `hostBlock`. */
export function callBlock(host: ClientHost, platform: NodeJS.Platform): string {
  return block(host, platform, callSettings);
}

function block(host: ClientHost, platform: NodeJS.Platform, more: readonly string[]): string {
  const { alias, identityFile } = host;
  requirePlain(alias, plainAlias, 'name');
  requirePlain(host.hostName, plainHostName, 'address');
  requirePlain(host.user, plainUser, 'SSH user');
  const settings = [
    // A percent sign begins a token.
    `HostName ${host.hostName.replaceAll('%', '%%')}`,
    `Port ${host.port}`,
    `User ${host.user}`,
    ...(identityFile === undefined
      ? []
      : [`IdentityFile ${pathValue(identityFile, platform)}`, 'IdentitiesOnly yes']),
    `HostKeyAlias ${hostKeyAlias(alias)}`,
    `UserKnownHostsFile ${pathValue(host.knownHostsFile, platform)}`,
    'GlobalKnownHostsFile /dev/null',
    'StrictHostKeyChecking yes',
    'CheckHostIP no',
    'UpdateHostKeys no',
    ...more,
  ];
  return [`Host ${alias}`, ...settings.map((line) => `  ${line}`), ''].join('\n');
}

/** The content of a known_hosts file that holds the keys of one machine, public lines. */
export function knownHostsText(alias: string, publicLines: readonly string[]): string {
  const lines = publicLines.map((line) => {
    const [type = '', base64 = ''] = line.trim().split(/\s+/);
    return `${hostKeyAlias(alias)} ${type} ${base64}\n`;
  });
  return lines.join('');
}

/** Under this name the key is known, whatever address and port the machine has. */
function hostKeyAlias(alias: string): string {
  return `tsmachine-${alias.toLowerCase()}`;
}

/**
 * A path as ssh_config(5) reads it. Windows takes slashes. Backslashes and quotes are read differently by different
 * versions, and for what stands behind a dollar sign and a brace there is no escape.
 */
function pathValue(path: string, platform: NodeJS.Platform): string {
  const text = platform === 'win32' ? path.replaceAll('\\', '/') : path;
  if (/["\\\p{Cc}]|\$\{/u.test(text)) {
    throw new MachineError(
      'record-invalid',
      `The path ${JSON.stringify(path)} cannot be told to the SSH program.`,
      {
        why: 'It holds a quote, a backslash, a control character or "${".',
        remedies: [
          'Move the store to a plain path (--storage-path).',
          'Use the client that is built in: tsmachine --native-ssh ssh NAME',
        ],
      },
    );
  }
  const escaped = text.replaceAll('%', '%%');
  return /^[\w./:%@+-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

function requirePlain(value: string, pattern: RegExp, what: string): void {
  if (!pattern.test(value)) {
    throw new MachineError(
      'record-invalid',
      `The ${what} ${JSON.stringify(value.slice(0, 80))} cannot be used for SSH.`,
    );
  }
}

/** True for a user's name that no program takes for anything else. */
export function isPlainUser(user: string): boolean {
  return plainUser.test(user);
}
