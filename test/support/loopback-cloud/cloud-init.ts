import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

// What cloud-init does on a machine of a cloud, in so far as these machines need it.

/**
 * Makes a root file system one that has cloud-init and this user data: at its first boot the scripts in it run one after the
 * other as root, beside everything else, and `/run/cloud-init/result.json` is there when they have ended.
 */
export async function putCloudInit(root: string, userData: string): Promise<void> {
  const file = (name: string): string => path.join(root, name);
  const put = async (name: string, text: string, mode = 0o644): Promise<void> => {
    await mkdir(path.dirname(file(name)), { recursive: true });
    await writeFile(file(name), text, { mode });
  };
  const parts = partsOf(userData);
  await put('var/lib/cloud/instance/user-data.txt', userData, 0o600);
  await put('var/lib/cloud/instance/user-data.txt.i', Buffer.from(userData).toString('base64'), 0o600);
  const config = parts.filter((part) => part.startsWith('#cloud-config')).join('\n');
  await put('var/lib/cloud/instance/cloud-config.txt', config, 0o600);
  for (const [index, script] of parts.filter((part) => part.startsWith('#!')).entries()) {
    await put(`var/lib/cloud/instance/scripts/part-00${String(index + 1)}`, script, 0o700);
  }
  await put('usr/bin/cloud-init', status, 0o755);
  await put('usr/local/sbin/cloud-final', final, 0o755);
  await put('etc/systemd/system/cloud-final.service', unit);
  const wants = file('etc/systemd/system/multi-user.target.wants');
  await mkdir(wants, { recursive: true });
  await symlink('../cloud-final.service', `${wants}/cloud-final.service`);
}

const status = `#!/bin/sh
[ "$1" = status ] || { echo "this is not the whole of cloud-init" >&2; exit 2; }
if [ -e /run/cloud-init/result.json ]; then echo 'status: done'; else echo 'status: running'; fi
`;

const final = `#!/bin/sh
mkdir -p /run/cloud-init
if [ ! -e /var/lib/cloud/instance/sem ]; then
  mkdir /var/lib/cloud/instance/sem
  for part in /var/lib/cloud/instance/scripts/*; do
    if [ -x "$part" ]; then "$part"; fi
  done
fi
echo '{}' >/run/cloud-init/result.json
`;

const unit = `[Unit]
Description=The last that cloud-init does
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/cloud-final
TimeoutStartSec=infinity
StandardOutput=journal
`;

/** The parts of user data: those of a message of several, or the whole. */
export function partsOf(userData: string): readonly string[] {
  const [, boundary] = /^Content-Type: multipart\/mixed; boundary="(.+)"\n/.exec(userData) ?? [];
  if (boundary === undefined) {
    return [userData];
  }
  const pieces = userData.split(`--${boundary}`).slice(1, -1);
  // A part ends before the line end in front of the next boundary.
  return pieces.map((piece) => piece.slice(piece.indexOf('\n\n') + 2).replace(/\n$/, ''));
}
