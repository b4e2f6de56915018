import { MachineError, messageOf } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';

/** The SSH key with which a machine that was found is reached. */
export interface UserKey {
  readonly privatePem: string;
  /** A line of authorized_keys. */
  readonly publicLine: string;
}

/** Reads a private key. @throws MachineError `flag-invalid`; `ssh-key-rejected` for one with a passphrase. */
export async function readUserKey(host: Host, path: string): Promise<UserKey> {
  const { privateKeyForSsh2, publicLine } = await import('../../ssh/keys.ts');
  let privatePem: string;
  try {
    privatePem = await host.files.readText(path);
  } catch (cause) {
    throw unusable(path, messageOf(cause), cause);
  }
  const { loadSsh2 } = await import('../../ssh/load-ssh2.ts');
  const { utils } = await loadSsh2();
  const key = utils.parseKey(privateKeyForSsh2(privatePem));
  if (key instanceof Error) {
    throw unusable(path, key.message, key);
  }
  if (!key.isPrivateKey()) {
    throw unusable(path, 'It is the public half.');
  }
  return { privatePem, publicLine: publicLine(key.getPublicSSH()) };
}

function unusable(path: string, why: string, cause?: unknown): MachineError {
  return new MachineError('flag-invalid', `The SSH key ${path} cannot be used.`, {
    why,
    remedies: ['Give the file of a private key without a passphrase: --ssh-key FILE'],
    ...(cause === undefined ? {} : { cause }),
  });
}
