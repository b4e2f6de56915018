import { createHash } from 'node:crypto';
import type { Host } from '../../../host/types.ts';
import { findToken } from './credentials.ts';
import type { AzureToken, LoginWorld } from './login.ts';

/** A token serves a whole command: each step would ask for one of its own. In memory alone. */
const caches = new WeakMap<Host, Map<string, AzureToken>>();

/** A token is looked for again so long before it ends. */
const renewBeforeMs = 2 * 60_000;

/**
 * The token that a request carries.
 * @param isRenewal what was given last was refused.
 * @throws MachineError `credentials-missing`, `credentials-refused`, `request-failed`.
 */
export async function bearerToken(
  world: LoginWorld,
  { isRenewal }: { readonly isRenewal: boolean },
): Promise<string> {
  const { host, emit } = world;
  const cache = caches.get(host) ?? new Map<string, AzureToken>();
  caches.set(host, cache);
  const key = keyOf(world);
  const kept = cache.get(key);
  if (kept !== undefined && !isRenewal && kept.expiresMs - host.clock.nowMs() > renewBeforeMs) {
    return kept.value;
  }
  const found = await findToken(world);
  emit({ type: 'debug', message: `A token of Azure from ${found.from}.` });
  cache.set(key, found);
  return found.value;
}

function keyOf(world: LoginWorld): string {
  const secret = createHash('sha256').update(world.clientSecret).digest('hex');
  const { loginUrl, managementUrl, audience, subscriptionId, tenantId, clientId, certificatePath } = world;
  return JSON.stringify([
    ...[loginUrl, managementUrl, audience, subscriptionId, tenantId, clientId, certificatePath],
    secret,
  ]);
}
