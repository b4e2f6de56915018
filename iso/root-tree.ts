/**
 * What the root file system holds besides the files of packages and of iso/rootfs: links and empty
 * directories, as data.
 */

/** Symbolic links by their path. */
export const rootLinks: Readonly<Record<string, string>> = {
  bin: 'usr/bin',
  sbin: 'usr/sbin',
  lib: 'usr/lib',
  lib64: 'usr/lib64',
  'usr/bin/docker-init': 'tini-static',
  'usr/bin/socat': 'socat1',
  'usr/sbin/mkfs.ext4': 'mke2fs',
  'usr/sbin/fsck.ext4': 'e2fsck',
  'var/run': '../run',
  'var/lock': '../run/lock',
  'etc/mtab': '../proc/self/mounts',
  ...iptablesLinks(),
};

/** The legacy variant answers to the plain names: it costs seconds less than nft on an emulated processor. */
function iptablesLinks(): Record<string, string> {
  const links: Record<string, string> = {};
  for (const tool of ['iptables', 'ip6tables']) {
    for (const suffix of ['', '-save', '-restore']) {
      links[`usr/sbin/${tool}${suffix}`] = 'xtables-legacy-multi';
      links[`usr/sbin/${tool}-legacy${suffix}`] = 'xtables-legacy-multi';
      links[`usr/sbin/${tool}-nft${suffix}`] = 'xtables-nft-multi';
    }
  }
  return links;
}

/** Links that point to what exists only while the system runs. */
export const runtimeTargets: readonly string[] = ['run', 'run/lock', 'proc/self/mounts'];

/** Directories that are empty in the image, and their mode when it is not 0755. */
export const emptyDirectories: Readonly<Record<string, number>> = {
  proc: 0o555,
  sys: 0o555,
  dev: 0o755,
  run: 0o755,
  tmp: 0o1777,
  mnt: 0o755,
  opt: 0o755,
  root: 0o700,
  home: 0o755,
  newroot: 0o755,
  'var/lib/docker': 0o711,
  'var/log': 0o755,
  'var/tmp': 0o1777,
  'var/cache': 0o755,
  'etc/docker': 0o755,
  'etc/dropbear': 0o755,
  'usr/libexec/docker/cli-plugins': 0o755,
  'usr/local/bin': 0o755,
  'usr/local/sbin': 0o755,
  'usr/lib64': 0o755,
};

/** Empty directories of the initramfs. */
export const initramfsDirectories: readonly string[] = [
  'proc',
  'sys',
  'dev',
  'run',
  'tmp',
  'ro',
  'rw',
  'newroot',
  'mnt',
];

/** Where the certificates of the authorities are joined, and where they come from. */
export const certificateBundle = {
  path: 'etc/ssl/certs/ca-certificates.crt',
  from: 'usr/share/ca-certificates/mozilla/',
} as const;
