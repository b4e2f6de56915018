import type { Family } from '../family.ts';

const zypper = 'zypper --non-interactive --quiet';

/**
 * zypper's exit codes from 100 on tell of something besides: that a restart is needed (102, 103), or that a repository
 * which has nothing to do with this could not be read (106). Not so 104 (no such package) and 107 (a script failed).
 */
const tolerantZypper = `
zypp() {
  said=0
  ${zypper} "$@" || said=$?
  case $said in 0 | 100 | 101 | 102 | 103 | 106) ;; *) return "$said" ;; esac
}
`;

// On SUSE Linux Enterprise the engine is in a module that has to be switched on.
const containersModule = `
if command -v SUSEConnect >/dev/null 2>&1 && ! ${zypper} search --match-exact docker >/dev/null 2>&1; then
  . /etc/os-release
  SUSEConnect -p "sle-module-containers/$VERSION_ID/$(uname -m)"
fi
`;

/** openSUSE and SUSE Linux Enterprise. */
export const suse: Family = {
  name: 'suse',
  title: () => 'SUSE',
  install: () => `${tolerantZypper}${containersModule}zypp install --no-recommends docker ca-certificates\n`,
  upgrade: () => `${tolerantZypper}
packages=
for package in docker docker-ce docker-ce-cli containerd containerd.io runc; do
  if rpm -q --quiet "$package"; then packages="$packages $package"; fi
done
[ -n "$packages" ] || { echo 'the engine was not installed from a package' >&2; exit 1; }
zypp refresh
zypp update $packages
`,
  installCurl: `${tolerantZypper}zypp install --no-recommends curl ca-certificates\n`,
};
