/**
 * The Debian packages that the image is made of, and which of their files it takes. There is no
 * dependency resolver: the list is complete by hand, and the build fails when a program's library is
 * missing from it (iso/build/elf-closure.ts).
 */

/** The architectures that images are built for, by Debian's names. */
export type Architecture = 'amd64' | 'arm64';

/** Every architecture, for loops and messages. */
export const architectures: readonly Architecture[] = ['amd64', 'arm64'];

/** What differs between the architectures. */
export interface ArchitectureFacts {
  /** The directory below usr/lib that holds the architecture's libraries. */
  readonly triplet: string;
  /** `e_machine` of its ELF files. */
  readonly elfMachine: number;
  /** The loader's path as its programs name it, without the leading slash. */
  readonly loader: string;
  /** The meta package that depends on the current kernel. */
  readonly kernelMetaPackage: string;
}

export const architectureFacts: Readonly<Record<Architecture, ArchitectureFacts>> = {
  amd64: {
    triplet: 'x86_64-linux-gnu',
    elfMachine: 62,
    loader: 'lib64/ld-linux-x86-64.so.2',
    kernelMetaPackage: 'linux-image-amd64',
  },
  arm64: {
    triplet: 'aarch64-linux-gnu',
    elfMachine: 183,
    loader: 'lib/ld-linux-aarch64.so.1',
    kernelMetaPackage: 'linux-image-arm64',
  },
};

/** One package of the image. */
export interface PackageSelection {
  readonly name: string;
  /**
   * Paths inside the package, without a leading slash. `*` stands for any characters but a slash,
   * `{triplet}` for the architecture's library directory. Each pattern has to match something, so
   * that a file that moved inside its package is noticed.
   */
  readonly take: readonly string[];
  /** Paths that `take` would match, but that the image does without. */
  readonly leave?: readonly string[];
  /** Only for these architectures; without it for all. */
  readonly only?: readonly Architecture[];
}

/** Names of one or several shared libraries of a package, with the links that lead to them. */
function libraries(name: string, ...patterns: readonly string[]): PackageSelection {
  return { name, take: patterns.map((pattern) => `usr/lib/{triplet}/${pattern}`) };
}

/**
 * The packages besides the kernel. The kernel's package is found through its meta package, because
 * its name contains the version.
 */
export const packageSelections: readonly PackageSelection[] = [
  // The engine.
  { name: 'docker.io', take: ['usr/sbin/dockerd', 'usr/sbin/docker-proxy'] },
  { name: 'containerd', take: ['usr/bin/containerd', 'usr/bin/containerd-shim-runc-v2'] },
  { name: 'runc', take: ['usr/sbin/runc'] },
  { name: 'tini', take: ['usr/bin/tini-static'] },
  {
    name: 'iptables',
    take: [
      'usr/sbin/xtables-legacy-multi',
      'usr/sbin/xtables-nft-multi',
      'usr/lib/{triplet}/xtables/libxt_*.so',
      'usr/lib/{triplet}/xtables/libipt_*.so',
      'usr/lib/{triplet}/xtables/libip6t_*.so',
    ],
    // The only plugin that would need libnetfilter-conntrack and libnfnetlink.
    leave: ['usr/lib/{triplet}/xtables/libxt_connlabel.so'],
  },
  { name: 'apparmor', take: ['usr/sbin/apparmor_parser'] },
  // Userland.
  { name: 'busybox-static', take: ['usr/bin/busybox'] },
  { name: 'dropbear-bin', take: ['usr/sbin/dropbear', 'usr/bin/dropbearkey'] },
  { name: 'openssh-sftp-server', take: ['usr/lib/openssh/sftp-server'] },
  {
    name: 'e2fsprogs',
    take: ['usr/sbin/mke2fs', 'usr/sbin/e2fsck', 'usr/sbin/resize2fs', 'etc/mke2fs.conf'],
  },
  { name: 'socat', take: ['usr/bin/socat1'] },
  // Directories of the user's computer, where the hypervisor has no way of its own for them.
  { name: 'sshfs', take: ['usr/bin/sshfs'] },
  // With it the agent wakes programs that wait for changes of those directories.
  { name: 'attr', take: ['usr/bin/setfattr'] },
  { name: 'opendoas', take: ['usr/bin/doas'] },
  {
    name: 'libpam-modules',
    take: ['usr/lib/{triplet}/security/pam_permit.so', 'usr/lib/{triplet}/security/pam_deny.so'],
  },
  {
    name: 'hyperv-daemons',
    take: ['usr/sbin/hv_kvp_daemon'],
  },
  { name: 'ca-certificates', take: ['usr/share/ca-certificates/mozilla/*.crt'] },
  // Libraries.
  {
    name: 'libc6',
    take: [
      'usr/lib/{triplet}/libc.so.6',
      'usr/lib/{triplet}/libm.so.6',
      'usr/lib/{triplet}/ld-linux-*.so.*',
      'usr/lib/{triplet}/libresolv.so.2',
      'usr/lib/{triplet}/libnss_files.so.2',
      'usr/lib/{triplet}/libnss_dns.so.2',
      'usr/lib/{triplet}/libpthread.so.0',
      'usr/lib*/ld-linux-*.so.*',
    ],
  },
  libraries('libsystemd0', 'libsystemd.so.0*'),
  libraries('libcap2', 'libcap.so.2*'),
  libraries('libseccomp2', 'libseccomp.so.2*'),
  libraries('libxtables12', 'libxtables.so.12*'),
  libraries('libip4tc2', 'libip4tc.so.2*'),
  libraries('libip6tc2', 'libip6tc.so.2*'),
  libraries('libmnl0', 'libmnl.so.0*'),
  libraries('libnftnl11', 'libnftnl.so.11*'),
  libraries('libtomcrypt1', 'libtomcrypt.so.1*'),
  libraries('libtommath1', 'libtommath.so.1*'),
  libraries('libgmp10', 'libgmp.so.10*'),
  libraries('libcrypt1', 'libcrypt.so.1*'),
  libraries('zlib1g', 'libz.so.1*'),
  libraries('libext2fs2t64', 'libext2fs.so.2*', 'libe2p.so.2*'),
  libraries('libcom-err2', 'libcom_err.so.2*'),
  libraries('libblkid1', 'libblkid.so.1*'),
  libraries('libuuid1', 'libuuid.so.1*'),
  libraries('libssl3t64', 'libssl.so.3*', 'libcrypto.so.3*'),
  libraries('libzstd1', 'libzstd.so.1*'),
  libraries('libwrap0', 'libwrap.so.0*'),
  libraries('libpam0g', 'libpam.so.0*'),
  libraries('libaudit1', 'libaudit.so.1*'),
  libraries('libcap-ng0', 'libcap-ng.so.0*'),
  libraries('libfuse3-4', 'libfuse3.so.*'),
  libraries('libattr1', 'libattr.so.1*'),
  libraries('libglib2.0-0t64', 'libglib-2.0.so.0*'),
  libraries('libpcre2-8-0', 'libpcre2-8.so.0*'),
  libraries('libatomic1', 'libatomic.so.1*'),
  // glibc opens it at run time to cancel threads; nothing names it as needed.
  libraries('libgcc-s1', 'libgcc_s.so.1'),
  // These hold the copyright files that the documentation folders of libgcc-s1 and openssh-sftp-server link to.
  { name: 'gcc-14-base', take: [] },
  { name: 'openssh-client', take: [] },
];

/** The package whose upstream version is the engine's version. */
export const enginePackage = 'docker.io';

/** What is taken from the kernel's package; the modules are chosen by iso/modules.ts. */
export const kernelTake = {
  image: 'boot/vmlinuz-*',
  modules: 'usr/lib/modules/*/kernel/',
  builtin: 'usr/lib/modules/*/modules.builtin',
} as const;

/** The selections of one architecture. */
export function selectionsFor(architecture: Architecture): readonly PackageSelection[] {
  return packageSelections.filter((selection) => selection.only?.includes(architecture) ?? true);
}
