import type { Family } from '../family.ts';

// needrestart would restart services of the host that have nothing to do with the engine.
const environment = `export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none`;

/** How long a lock is waited for, and how often it is tried. */
const lockTimeoutSeconds = 300;
const lockIntervalSeconds = 5;

/**
 * apt-get, patient with whoever holds its locks (unattended-upgrades in the first minutes of a new host). It waits for
 * dpkg's lock itself since 1.9.11, but for no other, and says nothing meanwhile.
 */
const patientApt = `
holder() {
  printf '%s\\n' "$said" | sed -n 's/.*held by \\(process [0-9]* ([^)]*)\\).*/\\1/p' | head -n 1
}
apt() {
  waited=0 named= mended=
  while :; do
    if said=$(apt-get -o DPkg::Lock::Timeout=0 -o Dpkg::Use-Pty=0 -qq "$@" </dev/null 2>&1 3>&-); then
      return 0
    fi
    case $said in
      *'Could not get lock'* | *'Unable to lock'* | *'Unable to acquire the dpkg frontend lock'*) ;;
      *'dpkg --configure -a'*)
        # Somebody's installation was broken off.
        if [ -n "$mended" ]; then printf '%s\\n' "$said" >&2; return 1; fi
        mended=yes
        dpkg --configure -a --force-confold 3>&- || return 1
        continue ;;
      *) printf '%s\\n' "$said" >&2; return 1 ;;
    esac
    by=$(holder)
    if [ "$waited" -ge ${lockTimeoutSeconds} ]; then
      printf '%s\\n' "$said" "the lock of apt or dpkg was not free within ${lockTimeoutSeconds} s; \${by:-another process} holds it" >&2
      return 1
    fi
    if [ "\${by:-another process}" != "$named" ]; then
      named=\${by:-another process}
      progress "Waiting for the lock of apt or dpkg, which $named holds."
    fi
    sleep ${lockIntervalSeconds}
    waited=$((waited + ${lockIntervalSeconds}))
  done
}
`;

const names = [
  'docker.io docker-cli containerd runc',
  'docker-ce docker-ce-cli containerd.io docker-buildx-plugin docker-compose-plugin docker-ce-rootless-extras',
];

/** Debian, Ubuntu and what is made from them. */
export const debian: Family = {
  name: 'debian',
  title: ({ id }) => (id === 'ubuntu' ? 'ubuntu(systemd)' : 'debian'),
  // The client is a package of its own since Debian 13. apparmor brings the parser without which an engine
  // cannot start containers where the kernel has AppArmor switched on.
  install: () => `${environment}
${patientApt}
apt update
packages='docker.io ca-certificates iptables apparmor'
if apt-cache show docker-cli >/dev/null 2>&1; then packages="$packages docker-cli"; fi
apt install -y --no-install-recommends --no-upgrade $packages
`,
  upgrade: () => `${environment}
${patientApt}
apt update
packages=
for package in ${names.join(' ')}; do
  case $(dpkg-query -W -f '\${db:Status-Status}' "$package" 2>/dev/null) in installed) packages="$packages $package" ;; esac
done
[ -n "$packages" ] || { echo 'the engine was not installed from a package' >&2; exit 1; }
apt install -y --no-install-recommends --only-upgrade -o Dpkg::Options::=--force-confold $packages
`,
  installCurl: `${environment}
${patientApt}
apt update
apt install -y --no-install-recommends --no-upgrade curl ca-certificates
`,
};
