import { quoteArgument } from '../ssh/quote.ts';
import type { HostAccess } from './host.ts';

/** Making a host one that can be copied: without identity, keys, and traces of what was done on it. */

const cleanTimeoutMs = 5 * 60_000;

/** How thoroughly. */
export interface CleanOptions {
  /** Texts that must be nowhere any more: the public halves of keys. At least a dozen characters each. */
  readonly forbidden: readonly string[];
  /** Directory in which the files of the host are; empty for the host itself, whose services are then stopped, too. */
  readonly root?: string;
}

/**
 * Cleans a host; from then on nobody can log in. The engine and what it has pulled stay, but no settings of it.
 * @throws MachineError `provision-failed`, also when one of the texts is found after all.
 */
export async function cleanHost(access: HostAccess, options: CleanOptions): Promise<void> {
  const { signal, onProgress } = access;
  const label = 'removing what belongs to this one host';
  await access.shell.require(cleanScript(options), { label, timeoutMs: cleanTimeoutMs, signal, onProgress });
}

/** The script of it. Everything in it can be done again. */
export function cleanScript({ forbidden, root = '' }: CleanOptions): string {
  return `
set -e
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
r=${quoteArgument(root)}
${root === '' ? stopServices : ''}
${removeFiles}
${forbidden.map((text) => `refuse ${quoteArgument(text)}`).join('\n')}
sync`;
}

/**
 * The engine, and the agent of Azure (walinuxagent at Debian and Ubuntu, waagent elsewhere), which would write its keys and the
 * mark of a machine that is set up anew. What `waagent -deprovision` does is done below, for hosts without it, too; the user
 * stays.
 */
const stopServices = `
if [ -d /run/systemd/system ]; then
  for unit in docker.socket docker.service containerd.service walinuxagent.service waagent.service; do
    systemctl stop "$unit" 2>/dev/null || true
  done
elif command -v rc-service >/dev/null 2>&1; then
  rc-service docker stop >/dev/null 2>&1 || true
fi
if command -v cloud-init >/dev/null 2>&1; then
  cloud-init clean --logs >/dev/null 2>&1 || true
fi`;

/**
 * The timer of \`create --ttl\` loses its files only: it goes on in the memory of systemd until the host is off, so that one
 * that nobody comes back to ends nevertheless.
 */
const removeFiles = `
inside() { [ -d "$r$1" ] && find "$r$1" -mindepth 1 -maxdepth 1 ! -name "\${2:-}" -exec rm -rf {} + || true; }
empty() { if [ -f "$r$1" ]; then : >"$r$1"; fi; }

# The engine: certificates, keys, settings, identity.
rm -rf "$r"/etc/docker/*.pem* "$r"/etc/docker/key.json "$r"/etc/docker/daemon.json* "$r"/etc/docker/tsmachine-ca
if [ -d "$r/etc/docker" ]; then find "$r/etc/docker" -name '*.key' -exec rm -f {} +; fi
rm -f "$r"/etc/systemd/system/docker.service.d/10-machine.conf*
rm -rf "$r"/var/lib/docker/engine-id "$r"/var/lib/docker/swarm "$r"/var/lib/docker/tmp
if [ -f "$r/etc/conf.d/docker" ]; then sed -i '/^# tsmachine: begin/,/^# tsmachine: end/d' "$r/etc/conf.d/docker"; fi

# What is ours.
rm -rf "$r"/etc/systemd/system/tsmachine-* "$r"/etc/systemd/system/*.wants/tsmachine-*
rm -rf "$r"/var/lib/systemd/timers/stamp-tsmachine-* "$r"/var/lib/tsmachine* "$r"/etc/tsmachine*

# Who may log in, and as whom the host shows itself.
rm -rf "$r"/etc/ssh/ssh_host_* "$r"/etc/ssh/authorized_keys*
{ echo /root; cut -d: -f6 "$r/etc/passwd" 2>/dev/null; for d in "$r"/home/*; do echo "\${d#"$r"}"; done; } | sort -u |
while read -r home; do
  case $home in /?*) ;; *) continue ;; esac
  if [ ! -d "$r$home" ]; then continue; fi
  rm -rf "$r$home/.ssh" "$r$home/.docker" "$r$home/.aws" "$r$home/.azure" "$r$home/.config/gcloud"
  rm -f "$r$home"/.*_history "$r$home/.viminfo" "$r$home/.lesshst" "$r$home/.wget-hsts" "$r$home/.netrc"
done

# The system: identity, first boot, addresses, logs, caches.
empty /etc/machine-id
if [ ! -L "$r/var/lib/dbus/machine-id" ]; then rm -f "$r/var/lib/dbus/machine-id"; fi
rm -f "$r"/var/lib/systemd/random-seed "$r"/var/lib/systemd/credential.secret "$r"/var/lib/NetworkManager/secret_key
if [ -f "$r/etc/hostname" ]; then echo localhost >"$r/etc/hostname"; fi
if [ -f "$r/etc/hosts" ]; then sed '/^127\\.0\\.1\\.1[[:space:]]/d' "$r/etc/hosts" >"$r/etc/hosts.new" && cat "$r/etc/hosts.new" >"$r/etc/hosts"; rm -f "$r/etc/hosts.new"; fi
inside /var/lib/cloud seed
inside /var/lib/waagent
rm -f "$r"/etc/default/instance_configs.cfg "$r"/var/lib/dhcp/*.leases "$r"/var/lib/dhclient/*.leases* "$r"/var/lib/NetworkManager/*.lease
inside /var/log/journal
if [ -d "$r/var/log" ]; then
  find "$r/var/log" -type f \\( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' \\) -exec rm -f {} +
  find "$r/var/log" -type f | while read -r file; do : >"$file"; done
fi
inside /var/lib/apt/lists
inside /var/cache/apt
inside /var/cache/dnf
inside /tmp
inside /var/tmp

refuse() {
  for d in etc root home var/lib/cloud var/lib/waagent var/lib/systemd var/log tmp; do
    if [ -d "$r/$d" ] && grep -rlF -e "$1" "$r/$d" >&2 2>/dev/null; then
      echo 'A key of this host is still in the files named above.' >&2
      exit 1
    fi
  done
}`;
