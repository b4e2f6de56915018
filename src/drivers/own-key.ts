import path from 'node:path';
import type { Host } from '../host/types.ts';

/**
 * Copies a private key of the user's into the machine's directory, as docker-machine does.
 * @param withPublic the public half too, which lies beside it: without it a key would be made in the place of the user's,
 *   where the provider has to be told it.
 */
export async function copyOwnKey(
  { host, directory }: { readonly host: Host; readonly directory: string },
  { keyPath, withPublic }: { readonly keyPath: string; readonly withPublic: boolean },
): Promise<void> {
  const target = path.join(directory, 'id_rsa');
  await host.files.writeAtomic(target, await host.files.readBytes(keyPath), 0o600);
  if (withPublic) {
    await host.files.writeAtomic(`${target}.pub`, await host.files.readBytes(`${keyPath}.pub`), 0o600);
  }
}
