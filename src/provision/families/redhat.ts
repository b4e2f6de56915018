import type { Family, PackageHost } from '../family.ts';
import type { OsRelease } from '../os-release.ts';

const titles: Readonly<Record<string, string>> = {
  fedora: 'fedora',
  centos: 'centos',
  rhel: 'redhat',
  ol: 'ol',
};

const manager = `
if command -v dnf >/dev/null 2>&1; then manager=dnf; else manager=yum; fi
`;

/** Fedora, Red Hat Enterprise Linux and its kin, Amazon Linux. */
export const redhat: Family = {
  name: 'redhat',
  title: ({ id }) => titles[id] ?? id,
  install: (host) => {
    if (host.os.id === 'amzn') {
      return `${manager}$manager -y -q install docker\n`;
    }
    return host.os.id === 'fedora' ? fedora : dockersOwn(host.os);
  },
  // Lists of packages may be days old.
  upgrade: () => `${manager}
packages=
for package in docker moby-engine docker-cli docker-ce docker-ce-cli containerd containerd.io runc; do
  if rpm -q --quiet "$package"; then packages="$packages $package"; fi
done
[ -n "$packages" ] || { echo 'the engine was not installed from a package' >&2; exit 1; }
$manager -q clean expire-cache
$manager -y -q upgrade $packages
`,
  installCurl: `${manager}$manager -y -q install curl ca-certificates\n`,
};

// The client became a package of its own in Fedora 41.
const fedora = `${manager}
$manager -y -q install moby-engine
command -v docker >/dev/null 2>&1 || $manager -y -q install docker-cli
`;

/**
 * Red Hat Enterprise Linux and its kin have no package of the engine since version 8. Docker's repository has, signed;
 * its script takes only some of the kin. Layout: https://docs.docker.com/engine/install/centos/
 */
function dockersOwn(os: OsRelease): string {
  const [major = ''] = os.versionId.split('.');
  const version = /^\d+$/.test(major) ? major : '$releasever';
  const base = `https://download.docker.com/linux/${os.id === 'rhel' ? 'rhel' : 'centos'}`;
  return `${manager}
if ! grep -rqs '^baseurl=https://download.docker.com/' /etc/yum.repos.d; then
  cat >/etc/yum.repos.d/docker-ce.repo <<'END'
[docker-ce-stable]
name=Docker CE Stable
baseurl=${base}/${version}/$basearch/stable
enabled=1
gpgcheck=1
gpgkey=${base}/gpg
END
fi
$manager -y -q install docker-ce docker-ce-cli containerd.io
`;
}

/** Variants of Fedora that come as a whole, with an engine in them. */
export const imageVariants = ['coreos', 'iot', 'silverblue'];

/** True for systems of this family that come as a whole, with an engine in them: Fedora CoreOS. */
export function isImageBased({ os }: Pick<PackageHost, 'os'>): boolean {
  return os.id === 'fedora' && imageVariants.includes(os.variantId);
}
