/** The SSH host key, PEM, that user data of ours gives to a host. */
export function hostKeyOf(userData: string): string {
  const [, block = ''] = /^ {2}ed25519_private: \|\n((?: {4}.*\n)+)/m.exec(userData) ?? [];
  return block.replaceAll(/^ {4}/gm, '');
}
