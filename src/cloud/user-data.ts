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

/**
 * A script of the first boot after which the machine powers itself off at a moment, also when it was started again since, or
 * was off then: a timer of systemd.
 * @param expiresMs since the epoch
 */
export function expiryScript(expiresMs: number): string {
  const [date = '', time = ''] = new Date(expiresMs)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .split('T');
  return [
    '#!/bin/sh',
    '# Nobody wants this machine after that time: tsmachine create --ttl',
    'set -eu',
    "cat > /etc/systemd/system/tsmachine-expiry.service <<'END'",
    '[Unit]',
    'Description=Power off, as the time of this machine is over',
    '[Service]',
    'Type=oneshot',
    'ExecStart=/bin/sh -c "systemctl poweroff"',
    'END',
    "cat > /etc/systemd/system/tsmachine-expiry.timer <<'END'",
    '[Unit]',
    'Description=The time of this machine',
    '[Timer]',
    `OnCalendar=${date} ${time} UTC`,
    'Persistent=true',
    'AccuracySec=1s',
    '[Install]',
    'WantedBy=timers.target',
    'END',
    'systemctl daemon-reload',
    'systemctl enable --now tsmachine-expiry.timer',
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
 * Our configuration and scripts together with the user's own data, as cloud-init takes several parts. Data that is not of
 * cloud-init's forms (Ignition, MIME of its own, compressed) is left as it is, alone: then `isOurs` is false.
 */
export function joinUserData(
  ours: readonly [string, ...string[]],
  theirs: string | undefined,
): { readonly text: string; readonly isOurs: boolean } {
  const isTheirs = theirs !== undefined && theirs.trim() !== '';
  if (isTheirs && typeOf(theirs) === undefined) {
    return { text: theirs, isOurs: false };
  }
  // The user's first: of two configurations the later one wins, and the host key must be ours.
  const parts = [...(isTheirs ? [theirs] : []), ...ours];
  return { text: parts.length === 1 ? ours[0] : multipart(parts), isOurs: true };
}

function multipart(parts: readonly string[]): string {
  // No line of a base64 or configuration text looks like it; a text of the user's that does gets another one.
  let boundary = '==tsmachine==';
  while (parts.some((part) => part.includes(boundary))) {
    boundary = `=${boundary}=`;
  }
  return [
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    'MIME-Version: 1.0',
    '',
    ...parts.flatMap((text) => [
      `--${boundary}`,
      `Content-Type: ${typeOf(text) ?? 'text/plain'}; charset="utf-8"`,
      'MIME-Version: 1.0',
      '',
      text,
    ]),
    `--${boundary}--`,
    '',
  ].join('\n');
}

function typeOf(text: string): string | undefined {
  return typesByStart.find(([start]) => text.startsWith(start))?.[1];
}
