import { isMachineError, MachineError, messageOf, systemCode } from '../core/errors.ts';
import { fingerprintOf, parsePublicLine } from './keys.ts';
import type { HostKeyCheck, HostKeyTrust } from './host-key.ts';

/** What is known about a connection that did not come about. */
export interface SshAttempt {
  readonly address: string;
  readonly user: string;
  readonly timeoutMs: number;
  readonly trust: HostKeyTrust;
  readonly check: HostKeyCheck;
}

/** Turns what connecting threw into an error that names the cause. */
export function connectFailure(error: unknown, attempt: SshAttempt): MachineError {
  if (isMachineError(error)) {
    return error;
  }
  if (attempt.check.wasRefused() || isKeyTypeMissing(error, attempt)) {
    return hostKeyChanged(attempt);
  }
  if (levelOf(error) === 'client-authentication') {
    return new MachineError(
      'ssh-key-rejected',
      `The machine does not let "${attempt.user}" in with this SSH key.`,
      {
        why: `The server at ${attempt.address} refused every key that was offered.`,
        facts: { address: attempt.address, user: attempt.user },
        cause: error,
      },
    );
  }
  const [trouble, why] = describe(error, attempt);
  return new MachineError('ssh-failed', `No SSH connection to ${attempt.address}.`, {
    why,
    facts: { trouble, address: attempt.address },
    cause: error,
  });
}

function hostKeyChanged(attempt: SshAttempt): MachineError {
  const shown = fingerprint(attempt.check.shown());
  return new MachineError(
    'ssh-host-key-changed',
    `The machine at ${attempt.address} does not show the expected SSH host key.`,
    {
      why: `Expected ${expected(attempt.trust)}, got ${shown ?? 'a key of another type'}. Either the machine was replaced, or somebody listens in between. Nothing was sent.`,
      facts: { address: attempt.address, expected: expected(attempt.trust), shown },
    },
  );
}

// The pinned type was the only one that was asked for. A server that lacks it is not the one that was pinned.
function isKeyTypeMissing(error: unknown, attempt: SshAttempt): boolean {
  return attempt.check.type !== undefined && messageOf(error).includes('no matching host key format');
}

function describe(error: unknown, attempt: SshAttempt): readonly [trouble: string, why: string] {
  switch (systemCode(error)) {
    case 'ECONNREFUSED':
      return [
        'port-closed',
        'Nothing listens on the port: the machine is not running, or its SSH server is not up.',
      ];
    case 'ETIMEDOUT':
      return ['no-answer', `There was no answer within ${attempt.timeoutMs / 1000} s.`];
    case 'ECONNRESET':
    case 'EPIPE':
      return [
        'closed-early',
        'The connection was closed at once: the SSH server is not up yet, or it refuses this address.',
      ];
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return ['name-unknown', 'The host name cannot be resolved.'];
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
      return [
        'host-unreachable',
        'No way leads to the address: the machine is off, or a network is not connected.',
      ];
    default:
      return describeProtocol(messageOf(error), attempt);
  }
}

// The texts of ssh2 1.17: it gives no codes for these.
function describeProtocol(message: string, attempt: SshAttempt): readonly [trouble: string, why: string] {
  if (message.startsWith('Timed out')) {
    return ['no-answer', `The handshake was not done within ${attempt.timeoutMs / 1000} s.`];
  }
  if (message.startsWith('Connection lost before handshake')) {
    return [
      'closed-early',
      'The connection was closed at once: the SSH server is not up yet, or it refuses this address.',
    ];
  }
  const [, what] = /no matching (.+)$/.exec(message) ?? [];
  if (what !== undefined) {
    return [
      'no-common-algorithm',
      `The server and tsmachine have no ${what} in common: the server is too old, or takes post-quantum methods only.`,
    ];
  }
  return ['other', message];
}

function expected(trust: HostKeyTrust): string {
  if ('fingerprint' in trust) {
    return trust.fingerprint;
  }
  return 'pinned' in trust ? (fingerprint(trust.pinned) ?? 'unknown') : 'the same key throughout';
}

function fingerprint(line: string | undefined): string | undefined {
  return line === undefined ? undefined : fingerprintOf(parsePublicLine(line).blob);
}

function levelOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'level' in error ? error.level : undefined;
}
