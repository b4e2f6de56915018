/** The SSH host keys that cloud-init writes to the console of a machine at its first boot. Pure. */

const begin = '-----BEGIN SSH HOST KEY KEYS-----';
const end = '-----END SSH HOST KEY KEYS-----';
const keyLine = /(?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) AAAA[A-Za-z0-9+/]{16,8192}={0,2}/;

/**
 * Public keys as they stand in the last complete block of a console's text (cloud-init, module `keys_to_console`). The
 * lines may have something in front of them, as the console of a kernel has.
 */
export function consoleHostKeys(text: string): readonly string[] {
  const stop = text.lastIndexOf(end);
  const start = text.lastIndexOf(begin, stop);
  return stop < 0 || start < 0
    ? []
    : text
        .slice(start + begin.length, stop)
        .split('\n')
        .flatMap((line) => keyLine.exec(line)?.[0] ?? []);
}

/**
 * The same out of what a provider is asked for. Not to know them is no reason to give up: who may make machines need not be
 * allowed to read their consoles, and an old console is gone.
 */
export async function askHostKeys(
  signal: AbortSignal,
  ask: () => Promise<string | undefined>,
): Promise<{ readonly hostKeys?: readonly string[] }> {
  try {
    const hostKeys = consoleHostKeys((await ask()) ?? '');
    return hostKeys.length === 0 ? {} : { hostKeys };
  } catch {
    signal.throwIfAborted();
    return {};
  }
}
