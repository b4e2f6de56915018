import type { Family } from '../family.ts';

// needrestart would restart services of the host that have nothing to do with the engine.
const environment = `export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none`;

/**
 * apt-get, patient with whoever holds its locks (unattended-upgrades in the first minutes of a new host): apt waits for
 * dpkg's lock itself since 1.9.11, and for no other.
 */
const patientApt = `
apt() {
  tries=0
  while :; do
    if said=$(apt-get -o DPkg::Lock::Timeout=60 -o Dpkg::Use-Pty=0 -qq "$@" </dev/null 2>&1); then
      return 0
    fi
    case $said in
      *'Could not get lock'* | *'Unable to lock'* | *'Unable to acquire the dpkg frontend lock'*) ;;
      *) printf '%s\\n' "$said" >&2; return 1 ;;
    esac
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      printf '%s\\n' "$said" >&2; return 1
    fi
    [ "$tries" -gt 1 ] || echo 'waiting for another apt or dpkg to end'
    sleep 5
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
