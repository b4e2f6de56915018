import type { EngineTrouble } from '../../engine/diagnose.ts';
import { lacksMemory, lacksSpace, type Inside } from './inside.ts';

/** What a machine is made of, each resting on those before it. */
export type Layer = 'boot' | 'net' | 'SSH' | 'TLS' | 'engine' | 'clock' | 'disk' | 'memory';

/** What is known of a running machine. */
export interface Evidence {
  /** How far the guest's last start came, by its console: `failed` or a phase. Undefined where no console is kept. */
  readonly phase?: string;
  /** Code of the error with which SSH failed; undefined when it worked. */
  readonly sshError?: string;
  /** Code and cause with which the engine failed; undefined when it answered. */
  readonly engineError?: {
    readonly code: string;
    readonly trouble?: EngineTrouble;
    /** The connection stood, and then no answer came. */
    readonly isConnected?: boolean;
  };
  /** What was seen over SSH. */
  readonly inside?: Inside;
  /** How far the machine's clock is ahead of this computer's. */
  readonly clockAheadSeconds?: number;
}

/** A clock that is farther off makes certificates and signatures fail now and then. */
export const clockToleranceSeconds = 5;

const unreachable: ReadonlySet<string> = new Set<EngineTrouble>([
  'port-closed',
  'host-unreachable',
  'name-unknown',
  'no-answer',
]);

/** The lowest layer that is broken, which may be why those above it are; undefined when none is. */
export function brokenLayer(evidence: Evidence): Layer | undefined {
  const { phase, sshError, engineError, inside, clockAheadSeconds = 0 } = evidence;
  const isSilent = engineError !== undefined && unreachable.has(engineError.trouble ?? '');
  if (sshError !== undefined && engineError !== undefined && phase !== undefined && phase !== 'ready') {
    return 'boot';
  }
  if (sshError === 'ssh-failed' && isSilent) {
    return 'net';
  }
  if (sshError !== undefined) {
    return 'SSH';
  }
  // A disk without space and a clock that is wrong keep the engine from starting and certificates from being valid.
  if (inside !== undefined && lacksSpace(inside)) {
    return 'disk';
  }
  if (Math.abs(clockAheadSeconds) > clockToleranceSeconds) {
    return 'clock';
  }
  if (engineError !== undefined) {
    return isEngineDown(evidence) ? 'engine' : isSilent ? 'net' : 'TLS';
  }
  return inside !== undefined && lacksMemory(inside) ? 'memory' : undefined;
}

// Nothing else on the machine listens at the port or breaks the connection, and a firewall says nothing at all.
function isEngineDown({ inside, engineError }: Evidence): boolean {
  const { trouble, isConnected = false } = engineError ?? {};
  return (
    inside?.engineRuns === false || trouble === 'closed-early' || trouble === 'port-closed' || isConnected
  );
}
