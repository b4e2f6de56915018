import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateSshKeyPair } from '../../src/ssh/keys.ts';
import { findProgram, run } from './cli.ts';
import { startWebProxy } from './web-proxy.ts';

// A Debian as it comes out of its installer: an init and an SSH server, in namespaces of its own.

export type DebianSuite = 'bookworm' | 'trixie';

/**
 * What a host has besides. `packagers`: the package managers of other systems and the tools that make their packages.
 * `openrc`: sysvinit and OpenRC in place of systemd, and busybox' shell and tools before all others. Both have an engine in
 * /opt/engine that is not on PATH.
 */
export type HostKind = 'plain' | 'packagers' | 'openrc';

/** A Linux host that boots in a container of systemd-nspawn, and is reached over a link of its own. */
export interface LinuxHost {
  readonly address: string;
  /** Private key of root, a file. */
  readonly keyPath: string;
  /** URL of a proxy through which the host reaches the mirrors; it has no other way out. */
  readonly proxyUrl: string;
  /** Directory of its root file system. */
  readonly root: string;
  /** How often it has booted. */
  boots(): number;
  /** Gives it another address in the place of the one it has. */
  move(): Promise<void>;
  stop(): Promise<void>;
}

const cacheDays = 7;
const bootTimeoutMs = 60_000;

/** Why no such host can be made here; undefined when one can. */
export function linuxHostMissing(): string | undefined {
  if (process.platform !== 'linux' || userInfo().uid !== 0) {
    return 'needs root on Linux';
  }
  const programs = {
    'systemd-nspawn': 'systemd-container',
    debootstrap: 'debootstrap',
    ip: 'iproute2',
    tar: 'tar',
  };
  const missing = Object.entries(programs).find(([program]) => findProgram(program) === undefined);
  if (missing !== undefined) {
    return `needs ${missing[0]} (package ${missing[1]})`;
  }
  if (debianMirror() === undefined) {
    return 'needs a Debian mirror, of apt or in TSMACHINE_DEBIAN_MIRROR';
  }
  const probe = `t${randomBytes(4).toString('hex')}`;
  if (spawnSync('ip', ['netns', 'add', probe]).status !== 0) {
    return 'needs the right to make network namespaces';
  }
  spawnSync('ip', ['netns', 'del', probe]);
  return undefined;
}

/** What a provider would give a new host. */
export interface GivenIdentity {
  /** Public key of root, a line. */
  readonly userKey: string;
  /** The only host key, in OpenSSH's form. */
  readonly hostKeyPem: string;
  /** Called before the first boot with the directory of its root file system, and the URL of its proxy. */
  readonly furnish: (root: string, proxyUrl: string) => Promise<void>;
}

/** Boots a host. @throws Error when it does not take SSH within a minute. */
export async function startLinuxHost(
  suite: DebianSuite,
  kind: HostKind = 'plain',
  given?: GivenIdentity,
): Promise<LinuxHost> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-host-'));
  const root = path.join(directory, 'root');
  await mkdir(root);
  await must('tar', ['-xf', await rootArchive(suite, kind), '-C', root]);
  const key = generateSshKeyPair({ randomBytes }, 'test');
  const keyPath = path.join(directory, 'id_test');
  await writeFile(keyPath, key.privatePem, { mode: 0o600 });
  await furnish(root, given?.userKey ?? key.publicLine);
  if (given !== undefined) {
    await giveHostKey(root, given.hostKeyPem);
  }

  const name = `tsm${randomBytes(3).toString('hex')}`;
  const net = `198.18.${randomBytes(1)[0] ?? 0}`;
  const near = `${net}.1`;
  let address = `${net}.2`;
  await link(name, near, address);
  const proxy = await startWebProxy(near);
  await given?.furnish(root, proxy.url);
  const nspawn = boot(name, root, path.join(directory, 'console'));
  let moves = 0;
  const move = async (): Promise<void> => {
    moves += 1;
    const next = `${net}.${2 + moves * 4}`;
    await relink(name, { near, old: address, nextNear: `${net}.${1 + moves * 4}`, next });
    address = next;
  };
  const stop = async (): Promise<void> => {
    await end(nspawn.child());
    await proxy.close();
    spawnSync('ip', ['netns', 'del', name]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await waitForPort(address, 22);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get address() {
      return address;
    },
    keyPath,
    proxyUrl: proxy.url,
    root,
    boots: nspawn.boots,
    move,
    stop,
  };
}

/** A tar of a fresh root file system; made by debootstrap once a week and kept in the cache. */
async function rootArchive(suite: DebianSuite, kind: HostKind): Promise<string> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const name = kind === 'plain' ? suite : `${suite}-${kind}`;
  const archive = path.join(cache, 'tsmachine', 'test-hosts', `${name}.tar`);
  if (existsSync(archive) && Date.now() - statSync(archive).mtimeMs < cacheDays * 86_400_000) {
    return archive;
  }
  await mkdir(path.dirname(archive), { recursive: true });
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-debootstrap-'));
  try {
    const root = path.join(directory, 'root');
    if (kind !== 'plain') {
      await mkdir(root);
      await must('tar', ['-xf', await rootArchive(suite, 'plain'), '-C', root]);
      await (kind === 'packagers' ? addPackagers(root) : addOpenRc(root));
    } else {
      const include = '--include=systemd,systemd-sysv,openssh-server';
      await must('debootstrap', ['--variant=minbase', include, suite, root, debianMirror() ?? '']);
    }
    await must('tar', ['-cf', `${archive}.${process.pid}`, '-C', root, '.']);
    await rename(`${archive}.${process.pid}`, archive);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  return archive;
}

/** Makes a root file system one of the kind `packagers`. */
async function addPackagers(root: string): Promise<void> {
  const managers = 'dnf createrepo-c rpm zypper pacman-package-manager makepkg libarchive-tools';
  await install(root, `${managers} dbus iptables apparmor libdevmapper1.02.1`);
}

/** Makes a root file system one of the kind `openrc`. */
async function addOpenRc(root: string): Promise<void> {
  await install(root, 'sysvinit-core openrc initscripts busybox iptables libdevmapper1.02.1');
  const inittab = ['id:2:initdefault:', 'l0:0:wait:/sbin/openrc shutdown', 'l2:2:wait:/sbin/openrc default'];
  await writeFile(path.join(root, 'etc', 'inittab'), `${inittab.join('\n')}\n`);
  // OpenRC has mounted a sysfs over the one that has the control groups.
  const start = 'start() { if [ ! -d /sys/fs/cgroup/memory ]; then umount /sys; fi; writable-cgroups; }';
  const service = ['#!/sbin/openrc-run', 'depend() { before ssh; }', start];
  await writeFile(path.join(root, 'etc/init.d/writable-cgroups'), `${service.join('\n')}\n`, { mode: 0o755 });
  // What the services of a Debian do to disks and clocks is done outside of a container.
  const script = `apt-get purge -y -qq systemd
rm -f /etc/runlevels/*/*
for service in writable-cgroups ssh; do ln -s /etc/init.d/$service /etc/runlevels/default/; done
busybox --install -s /usr/local/bin
ln -sf busybox /bin/sh`;
  await must('chroot', [root, 'sh', '-c', script]);
}

/** Installs packages in a root file system, and unpacks an engine into its /opt/engine. */
async function install(root: string, packages: string): Promise<void> {
  const resolver = path.join(root, 'etc', 'resolv.conf');
  await copyFile('/etc/resolv.conf', resolver);
  const script = `set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends ${packages}
cd /tmp
apt-get download -qq docker.io containerd runc
for file in *.deb; do dpkg -x "$file" /opt/engine; done
rm -f *.deb
apt-get clean
`;
  await must('chroot', [root, 'sh', '-c', script]);
  await rm(resolver);
}

/** The mirror that is named, or that this computer's apt uses; undefined without either. */
function debianMirror(): string | undefined {
  const named = process.env['TSMACHINE_DEBIAN_MIRROR'] ?? '';
  if (named !== '') {
    return named;
  }
  const files = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];
  const text = files.map((file) => (existsSync(file) ? readFileSync(file, 'utf8') : '')).join('\n');
  return /(?:^URIs:\s*|^deb\s+(?:\[.*\]\s+)?)(http\S+\/debian)\/?\s/m.exec(text)?.[1];
}

async function furnish(root: string, publicKey: string): Promise<void> {
  const file = (name: string): string => path.join(root, name);
  await mkdir(file('root/.ssh'), { recursive: true, mode: 0o700 });
  await writeFile(file('root/.ssh/authorized_keys'), `${publicKey}\n`, { mode: 0o600 });
  await writeFile(file('etc/machine-id'), '');
  // A container of nspawn sees the controllers of version 1 read-only.
  const unit = [
    '[Unit]',
    'Description=Control groups that can be written',
    'DefaultDependencies=no',
    'Before=ssh.service',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    'ExecStart=/usr/local/sbin/writable-cgroups',
    '[Install]',
    'WantedBy=sysinit.target',
  ];
  const script = [
    '#!/bin/sh',
    'while read -r _ where type _; do',
    '  case $type in cgroup) mount -o remount,bind,rw "$where" ;; esac',
    'done </proc/mounts',
  ];
  await writeFile(file('usr/local/sbin/writable-cgroups'), `${script.join('\n')}\n`, { mode: 0o755 });
  await writeFile(file('etc/systemd/system/writable-cgroups.service'), `${unit.join('\n')}\n`);
  const wants = file('etc/systemd/system/sysinit.target.wants');
  await mkdir(wants, { recursive: true });
  await symlink('../writable-cgroups.service', `${wants}/writable-cgroups.service`);
  await chmod(root, 0o755);
}

/** As cloud-init does: this host key, and no other. */
async function giveHostKey(root: string, pem: string): Promise<void> {
  const directory = path.join(root, 'etc', 'ssh');
  for (const name of (await readdir(directory)).filter((each) => each.startsWith('ssh_host_'))) {
    await rm(path.join(directory, name));
  }
  await writeFile(path.join(directory, 'ssh_host_ed25519_key'), pem, { mode: 0o600 });
}

async function link(name: string, near: string, far: string): Promise<void> {
  await must('ip', ['netns', 'add', name]);
  await must('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'host0', 'netns', name]);
  await must('ip', ['addr', 'add', `${near}/30`, 'dev', name]);
  await must('ip', ['link', 'set', name, 'up']);
  await must('ip', ['-n', name, 'addr', 'add', `${far}/30`, 'dev', 'host0']);
  await must('ip', ['-n', name, 'link', 'set', 'host0', 'up']);
  await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
}

/** Takes the old address of the far end and gives it the next one; its way to the proxy stays. */
async function relink(
  name: string,
  {
    near,
    old,
    nextNear,
    next,
  }: { readonly near: string; readonly old: string; readonly nextNear: string; readonly next: string },
): Promise<void> {
  await must('ip', ['addr', 'add', `${nextNear}/30`, 'dev', name]);
  await must('ip', ['-n', name, 'addr', 'add', `${next}/30`, 'dev', 'host0']);
  await must('ip', ['-n', name, 'addr', 'del', `${old}/30`, 'dev', 'host0']);
  await must('ip', ['-n', name, 'route', 'replace', near, 'dev', 'host0', 'src', next]);
}

/** Runs nspawn, and again when the host restarts, which it says by its exit code. */
function boot(
  name: string,
  root: string,
  logPath: string,
): { readonly child: () => ChildProcess; readonly boots: () => number } {
  const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  // Newer versions of systemd refuse the old control groups unless they are told not to.
  const legacy = ['systemd.unified_cgroup_hierarchy=0', 'SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'];
  const args = [
    '--quiet',
    '--boot',
    `--directory=${root}`,
    `--machine=${name}`,
    '--capability=all',
    '--register=no',
  ];
  // Only systemd ends at the signal that is its own.
  args.push(
    `--kill-signal=${existsSync(path.join(root, 'usr/lib/systemd/systemd')) ? 'SIGRTMIN+3' : 'SIGKILL'}`,
  );
  args.push('--keep-unit', '--console=pipe', '--resolv-conf=off', '--timezone=off', '--link-journal=no');
  args.push(`--network-namespace-path=/run/netns/${name}`, ...(isUnified ? [] : legacy));
  let boots = 0;
  const start = (): ChildProcess => {
    boots += 1;
    const started = spawn('systemd-nspawn', args, {
      env: { ...process.env, SYSTEMD_SECCOMP: '0', SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'yes' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [started.stdout, started.stderr]) {
      stream.on('data', (chunk: Buffer) => void appendFile(logPath, chunk).catch(() => undefined));
    }
    started.once('exit', (code) => {
      if (code === 133) {
        child = start();
      }
    });
    return started;
  };
  let child = start();
  return { child: () => child, boots: () => boots };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const ended = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  child.kill('SIGTERM');
  const isDone = await Promise.race([ended.then(() => true), sleep(20_000, false)]);
  if (!isDone) {
    child.kill('SIGKILL');
    await ended;
  }
}

async function waitForPort(host: string, port: number): Promise<void> {
  const deadline = Date.now() + bootTimeoutMs;
  while (Date.now() < deadline) {
    const answered = await new Promise<boolean>((resolve) => {
      const socket = connect({ host, port, timeout: 1000 });
      const done = (isThere: boolean) => () => {
        socket.destroy();
        resolve(isThere);
      };
      socket.once('data', done(true)).once('error', done(false)).once('timeout', done(false));
    });
    if (answered) {
      return;
    }
    await sleep(250);
  }
  throw new Error(`the host does not take SSH at ${host}`);
}

async function must(file: string, args: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await run(file, args, { timeoutMs: 600_000 });
  if (code !== 0) {
    throw new Error(
      `${file} ${args.join(' ')} ended with ${String(code)}\n${stdout.slice(-2000)}\n${stderr}`,
    );
  }
}
