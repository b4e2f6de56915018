/** What cloud-init does at the first boot of an instance, as text. Pure. */

/** The SSH host key that the instance is to have. */
export interface GivenHostKey {
  readonly privatePem: string;
  /** `ssh-ed25519 AAAA… comment`. */
  readonly publicLine: string;
}

/**
 * Configuration of cloud-init (its modules `cc_ssh` and `cc_users_groups`): the machine shows a host key that is known
 * before anybody has connected, and no other; nobody logs in by password.
 */
export function cloudConfig(hostKey: GivenHostKey): string {
  return [
    '#cloud-config',
    'ssh_deletekeys: true',
    'ssh_pwauth: false',
    'ssh_keys:',
    '  ed25519_private: |',
    ...hostKey.privatePem
      .trim()
      .split('\n')
      .map((line) => `    ${line}`),
    `  ed25519_public: ${JSON.stringify(hostKey.publicLine)}`,
    '',
  ].join('\n');
}

/** What cloud-init calls a part by its first line (its documentation, "User data formats"). */
const typesByStart: readonly (readonly [string, string])[] = [
  ['#cloud-config', 'text/cloud-config'],
  ['#cloud-boothook', 'text/cloud-boothook'],
  ['#include-once', 'text/x-include-once-url'],
  ['#include', 'text/x-include-url'],
  ['#part-handler', 'text/part-handler'],
  ['## template: jinja', 'text/jinja2'],
  ['#!', 'text/x-shellscript'],
];

/**
 * Our configuration together with the user's own data, as cloud-init takes several parts. Data that is not of
 * cloud-init's forms (Ignition, MIME of its own, compressed) is left as it is, alone: then `isOurs` is false.
 */
export function joinUserData(
  ours: string,
  theirs: string | undefined,
): { readonly text: string; readonly isOurs: boolean } {
  if (theirs === undefined || theirs.trim() === '') {
    return { text: ours, isOurs: true };
  }
  const type = typesByStart.find(([start]) => theirs.startsWith(start))?.[1];
  if (type === undefined) {
    return { text: theirs, isOurs: false };
  }
  // No line of a base64 or configuration text looks like it; a text of the user's that does gets another one.
  let boundary = '==tsmachine==';
  while (theirs.includes(boundary)) {
    boundary = `=${boundary}=`;
  }
  const part = (contentType: string, text: string): string[] => [
    `--${boundary}`,
    `Content-Type: ${contentType}; charset="utf-8"`,
    'MIME-Version: 1.0',
    '',
    text,
  ];
  const lines = [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    // The user's first: of two configurations the later one wins, and the host key must be ours.
    ...part(type, theirs),
    ...part('text/cloud-config', ours),
    `--${boundary}--`,
    '',
  ];
  return { text: lines.join('\n'), isOurs: true };
}
