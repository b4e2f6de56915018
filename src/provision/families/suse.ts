import type { Family } from '../family.ts';

const zypper = 'zypper --non-interactive --quiet';

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
  install: () => `${containersModule}${zypper} install --no-recommends docker ca-certificates\n`,
  upgrade: () => `
packages=
for package in docker docker-ce docker-ce-cli containerd containerd.io runc; do
  if rpm -q --quiet "$package"; then packages="$packages $package"; fi
done
[ -n "$packages" ] || { echo 'the engine was not installed from a package' >&2; exit 1; }
${zypper} update $packages
`,
  installCurl: `${zypper} install --no-recommends curl ca-certificates\n`,
};
