import { createRequire } from 'node:module';
import type ssh2 from 'ssh2';

const cipherModule = 'ssh2/lib/protocol/crypto/poly1305.js';

/**
 * Loads ssh2, without its own program for chacha20-poly1305, which is never offered (see offeredAlgorithms): WebAssembly for
 * it would take some megabytes in every process that speaks SSH, also in those that stay.
 */
export async function loadSsh2(): Promise<typeof ssh2> {
  const require = createRequire(import.meta.url);
  try {
    const path = require.resolve(cipherModule);
    require.cache[path] ??= {
      id: path,
      filename: path,
      path,
      loaded: true,
      exports: noCipher,
    } as NodeJS.Module;
  } catch {
    // An ssh2 that has it elsewhere loads it.
  }
  const { default: loaded } = await import('ssh2');
  return loaded;
}

/** What ssh2 asks of that module when it starts. */
async function noCipher(): Promise<object> {
  const unused = (): never => {
    throw new Error('chacha20-poly1305 is not offered');
  };
  return Promise.resolve({ _malloc: () => 0, cwrap: () => unused });
}
