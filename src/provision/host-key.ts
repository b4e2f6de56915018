import { MachineError } from '../core/errors.ts';
import { quoteArgument } from '../ssh/quote.ts';
import type { ScriptOptions, RootShell } from './root-shell.ts';

/** Where a host keeps the key of its SSH server. */
export interface HostKeyPlace {
  /** Private half; the public one is beside it, with `.pub`. */
  readonly keyPath: string;
  /** A command that fails where a server would not start with the key in `$1`. */
  readonly check: string;
  /** Commands by which the server takes over what is new; connections go on. */
  readonly reload: string;
}

/** cloud-init's module cc_ssh writes the key there on all systems. */
const usualPlace: HostKeyPlace = {
  keyPath: '/etc/ssh/ssh_host_ed25519_key',
  check: '"$(command -v sshd || echo /usr/sbin/sshd)" -t -h "$1"',
  // Where a socket starts one server for each connection, there is none that would have to read anything again.
  reload: `
if [ -d /run/systemd/system ]; then
  systemctl reload ssh.service 2>/dev/null || systemctl reload sshd.service 2>/dev/null || :
elif command -v rc-service >/dev/null 2>&1; then
  rc-service sshd reload >&2
else
  kill -HUP "$(cat /run/sshd.pid)"
fi`,
};

const scriptTimeoutMs = 60_000;

/** A host whose SSH server gets another key. */
export interface KeyWork {
  readonly shell: RootShell;
  readonly signal?: AbortSignal | undefined;
  readonly place?: HostKeyPlace | undefined;
}

/**
 * Has a host make a new key, if it has not made one already; its server does not use it yet. The private half stays there.
 * @param given public line of the key that the host has now
 * @returns the public line of the new one
 * @throws MachineError `provision-failed`, `ssh-failed`, `timeout`.
 */
export async function prepareHostKey(work: KeyWork, given: string): Promise<string> {
  const { keyPath } = work.place ?? usualPlace;
  const { stdout } = await work.shell.require(
    `${preamble(keyPath)}
given=${quoteArgument(bare(given))}
now=$(public "$key")
if [ -n "$now" ] && [ "$now" != "$given" ]; then echo "next $now"; exit 0; fi
if [ -z "$now" ]; then echo "there is no ed25519 key in $key" >&2; exit 1; fi
if [ -z "$(public "$next")" ]; then
  rm -f "$next" "$next.new" "$next.new.pub"
  ssh-keygen -q -t ed25519 -N '' -C '' -f "$next.new"
  rm -f "$next.new.pub"
  mv -f "$next.new" "$next"
fi
echo "next $(public "$next")"`,
    optionsOf(work, 'making an SSH host key'),
  );
  const [, line] = /^next (ssh-ed25519 [A-Za-z0-9+/=]+)$/m.exec(stdout) ?? [];
  if (line === undefined) {
    throw new MachineError('provision-failed', 'The host did not say which SSH host key it has made.');
  }
  return line;
}

/**
 * Puts the key that was made into its place, if it is not there yet, and has the server take it over.
 * @param next its public line
 * @throws MachineError like prepareHostKey.
 */
export async function installHostKey(work: KeyWork, next: string): Promise<void> {
  const { keyPath, check, reload } = work.place ?? usualPlace;
  await work.shell.require(
    `${preamble(keyPath)}
wanted=${quoteArgument(bare(next))}
check() { ${check}; }
if [ "$(public "$key")" != "$wanted" ]; then
  if [ "$(public "$next")" != "$wanted" ]; then echo 'the new key is not there any more' >&2; exit 1; fi
  check "$next"
  mv -f "$next" "$key"
fi
echo "$wanted" >"$next.pub"
mv -f "$next.pub" "$key.pub"
if command -v restorecon >/dev/null 2>&1; then restorecon "$key" "$key.pub" || :; fi
${reload}`,
    optionsOf(work, 'giving the SSH server its new host key'),
  );
}

function preamble(keyPath: string): string {
  return `set -e
umask 022
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH
key=${keyPath} next=${keyPath}.tsmachine
public() { ssh-keygen -y -P '' -f "$1" 2>/dev/null | cut -d ' ' -f 1,2; }
command -v ssh-keygen >/dev/null 2>&1 || { echo 'there is no ssh-keygen' >&2; exit 1; }`;
}

/** Where cloud-init keeps what it was given. */
export interface UserDataPlace {
  readonly directory: string;
  /** It is there when cloud-init has come to its end. */
  readonly result: string;
}

const usualUserData: UserDataPlace = {
  directory: '/var/lib/cloud/instance',
  result: '/run/cloud-init/result.json',
};

/**
 * Takes a private key out of what cloud-init keeps of its user data on the disk of a host. The rest of it stays.
 * @returns false when cloud-init still needs it
 * @throws MachineError like prepareHostKey.
 */
export async function removeKeyCopies(
  work: Omit<KeyWork, 'place'> & { readonly place?: UserDataPlace | undefined },
  privatePem: string,
): Promise<boolean> {
  const { directory, result } = work.place ?? usualUserData;
  // The first line of every such key is the same.
  const lines = privatePem
    .split('\n')
    .filter((line) => /^[A-Za-z0-9+/=]+$/.test(line))
    .slice(1);
  const { stdout } = await work.shell.require(
    `set -e
umask 077
if [ ! -e ${result} ] && command -v cloud-init >/dev/null 2>&1; then echo later; exit 0; fi
cd ${directory} 2>/dev/null || exit 0
for file in user-data.txt cloud-config.txt; do
  if [ ! -f "$file" ]; then continue; fi
  awk 'NR == FNR { gone[$1]; next } !(NF == 1 && ($1 in gone))' - "$file" >"$file.tsmachine" <<'END'
${lines.join('\n')}
END
  mv -f "$file.tsmachine" "$file"
done
rm -f user-data.txt.i`,
    optionsOf(work, 'removing copies of the first SSH host key'),
  );
  return !/^later$/m.test(stdout);
}

function optionsOf({ signal }: Pick<KeyWork, 'signal'>, label: string): ScriptOptions {
  return { label, timeoutMs: scriptTimeoutMs, signal };
}

/** Type and key, without comment. */
function bare(publicLine: string): string {
  return publicLine.trim().split(/\s+/).slice(0, 2).join(' ');
}
