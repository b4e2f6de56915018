import { expiryScript } from '../cloud/user-data.ts';

/**
 * A script of root that gives a host another time at which it powers itself off, or none; also where there was no timer
 * before. It needs systemd.
 * @param expiresMs since the epoch; undefined for none
 */
export function timerScript(expiresMs: number | undefined): string {
  if (expiresMs !== undefined) {
    // One that is active already goes on waiting for its old time.
    return `${expiryScript(expiresMs)}systemctl restart tsmachine-expiry.timer\n`;
  }
  return [
    'set -eu',
    'files="/etc/systemd/system/tsmachine-expiry.timer /etc/systemd/system/tsmachine-expiry.service"',
    'if [ -e /etc/systemd/system/tsmachine-expiry.timer ]; then',
    '  systemctl disable --now tsmachine-expiry.timer',
    'fi',
    'rm -f $files',
    'systemctl daemon-reload',
    '',
  ].join('\n');
}
