import type { Algorithms } from 'ssh2';

/**
 * What is offered to servers, best first; ssh2's own defaults still have SHA-1. Left out on purpose: `ssh-rsa`
 * and every SHA-1; CBC and chacha20-poly1305, the two that the Terrapin attack (CVE-2023-48795) can use
 * against servers without strict key exchange; compression, which leaks lengths. dropbear has no AES-GCM by
 * default, so AES-CTR has to be there.
 */
const offered = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  serverHostKey: [
    'ssh-ed25519',
    'ecdsa-sha2-nistp256',
    'ecdsa-sha2-nistp384',
    'ecdsa-sha2-nistp521',
    'rsa-sha2-512',
    'rsa-sha2-256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes256-ctr', 'aes192-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
} as const;

/**
 * The offer for one connection. With a key type only host keys of that type are asked for, because a server
 * with several keys would else show another one than the pinned.
 */
export function offeredAlgorithms(hostKeyType?: string): Algorithms {
  return {
    kex: [...offered.kex],
    serverHostKey: hostKeyType === undefined ? [...offered.serverHostKey] : hostKeyAlgorithms(hostKeyType),
    cipher: [...offered.cipher],
    hmac: [...offered.hmac],
    compress: [...offered.compress],
  };
}

function hostKeyAlgorithms(type: string): (typeof offered.serverHostKey)[number][] {
  // An RSA key is of type ssh-rsa whatever hash its signatures use.
  return offered.serverHostKey.filter(
    (name) => name === type || (type === 'ssh-rsa' && name.startsWith('rsa-sha2-')),
  );
}
