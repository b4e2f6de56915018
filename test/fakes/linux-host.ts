import { createHash, X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { insideScript } from '../../src/machine/doctor/inside.ts';
import { digestPaths, readPaths } from '../../src/provision/facts.ts';
import { generateSshKeyPair } from '../../src/ssh/keys.ts';
import { createSocketPair, type FakeHost } from './host.ts';
import { systemError } from './memory-tree.ts';
import { createSshServer, type SshAnswer, type SshCommand, type SshServer } from './ssh-server.ts';

/** What a script that is sent to a host is for. */
export type ScriptKind = 'gather' | 'install' | 'apply' | 'upgrade' | 'wait';

/** What becomes of a script: it runs; the connection is cut before it has come, or while it runs; it never ends. */
export type ScriptFate = 'run' | 'cut-before' | 'cut-while' | 'hang' | { readonly fails: string };

/** A Debian in memory, with an SSH server and, when one was installed, an engine that shows its certificate. */
export interface MemoryLinuxHost {
  readonly ssh: SshServer;
  /** Contents by path. */
  readonly files: Map<string, string>;
  /** As `stat -c %a` says, where it is not 644. */
  readonly modes: Map<string, string>;
  /** Kinds of the scripts that came whole, in order. */
  readonly scripts: ScriptKind[];
  isRoot: boolean;
  hasSudo: boolean;
  hasEngine: boolean;
  engineRuns: boolean;
  engineVersion: string;
  newestVersion: string;
  hostName: string;
  bootId: string;
  /** How often it was told to restart, which it does when the test says so. */
  restarts: number;
  /** Nothing answers: it is off. */
  isOff: boolean;
  /** Output of `ufw status` and the like. */
  firewall: string;
  /** How often the engine was installed, and how often it was started or restarted. */
  installs: number;
  engineStarts: number;
  /** What it says when doctor looks into it. */
  clockAheadSeconds: number;
  freeBlocks: number;
  freeFiles: number;
  availableKiB: number;
  /** How the installation of its first boot ended, as it says itself. */
  firstBoot: string;
  /** Decides over each script. */
  fate: (kind: ScriptKind) => ScriptFate;
}

export const hostAddress = '192.0.2.7';
const unitPath = '/lib/systemd/system/docker.service';
const dropIn = '/etc/systemd/system/docker.service.d/10-machine.conf';
const unit = '[Service]\nExecStart=/usr/sbin/dockerd -H fd://\n';

/** Puts a bare Debian behind the address `hostAddress` of the computer's network. */
export function installLinuxHost(computer: FakeHost): MemoryLinuxHost {
  const newKey = (): string => generateSshKeyPair(computer, 'host').privatePem;
  const host: MemoryLinuxHost = {
    ssh: createSshServer(newKey(), async (command) => runCommand(host, computer, command)),
    files: new Map([
      ['/etc/hostname', 'debian\n'],
      ['/etc/hosts', '127.0.0.1 localhost\n'],
    ]),
    modes: new Map(),
    scripts: [],
    isRoot: true,
    hasSudo: false,
    hasEngine: false,
    engineRuns: false,
    engineVersion: '20.10.24',
    newestVersion: '20.10.24',
    hostName: 'debian',
    bootId: '1',
    restarts: 0,
    isOff: false,
    firewall: '',
    installs: 0,
    engineStarts: 0,
    clockAheadSeconds: 0,
    freeBlocks: 2_000_000,
    freeFiles: 900_000,
    availableKiB: 1_500_000,
    firstBoot: '',
    fate: () => 'run',
  };
  computer.network.onConnect = (address): Socket => {
    const port = 'port' in address ? address.port : 0;
    if (!host.isOff && port === 22) {
      return host.ssh.connect();
    }
    if (!host.isOff && port === 2376 && host.engineRuns && host.files.has('/etc/docker/daemon.json')) {
      return engineSocket(shown.get(host) ?? '');
    }
    throw systemError('ECONNREFUSED', 'connect', hostAddress);
  };
  return host;
}

/** The certificate with which the engine of a host was started. */
const shown = new WeakMap<MemoryLinuxHost, string>();

function engineSocket(certificate: string): Socket {
  const [near, far] = createSocketPair();
  far.on('data', () => far.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK'));
  const getPeerX509Certificate = (): X509Certificate | undefined =>
    certificate === '' ? undefined : new X509Certificate(certificate);
  return Object.assign(near, { getPeerX509Certificate });
}

async function runCommand(
  host: MemoryLinuxHost,
  computer: FakeHost,
  { command, input, cut }: SshCommand,
): Promise<SshAnswer> {
  if (command === insideScript) {
    return { stdout: looked(host, computer.clock.nowMs()), exitCode: 0 };
  }
  if (command.includes('boot_id')) {
    return { stdout: `${host.bootId}\n`, exitCode: 0 };
  }
  if (command.includes('shutdown -r now')) {
    host.restarts += 1;
    return { exitCode: 0 };
  }
  const script = await input;
  // A shell runs nothing of a compound command that does not end.
  if (!script.endsWith('\n} </dev/null\n')) {
    return { stderr: 'unexpected end of file', exitCode: 2 };
  }
  const kind = kindOf(script);
  const fate = host.fate(kind);
  if (fate === 'cut-before') {
    cut();
    return undefined;
  }
  host.scripts.push(kind);
  if (fate === 'hang') {
    return undefined;
  }
  if (typeof fate === 'object') {
    return { stderr: fate.fails, exitCode: 1 };
  }
  const answer = deeds[kind](host, script);
  if (fate === 'cut-while') {
    cut();
    return undefined;
  }
  return answer;
}

/** The answer to doctor's script: 10 GB of disk and 2 GB of memory. */
function looked(host: MemoryLinuxHost, nowMs: number): string {
  const clock = Math.floor(nowMs / 1000) + host.clockAheadSeconds;
  return [
    `clock ${clock}`,
    `engine ${host.engineRuns ? 'yes' : 'no'}`,
    `data 4096 2500000 ${host.freeBlocks} 1000000 ${host.freeFiles}`,
    'MemTotal 2000000',
    `MemAvailable ${host.availableKiB}\n`,
  ].join('\n');
}

function kindOf(script: string): ScriptKind {
  if (script.includes('section id; id -u')) {
    return 'gather';
  }
  if (script.includes('first-boot $1')) {
    return 'wait';
  }
  if (script.includes('upgrade() (')) {
    return 'upgrade';
  }
  return script.includes('put_back()') ? 'apply' : 'install';
}

const deeds: Readonly<Record<ScriptKind, (host: MemoryLinuxHost, script: string) => SshAnswer>> = {
  gather: (host, script) => ({ stdout: gathered(host, tokenOf(script)), exitCode: 0 }),
  install: (host) => {
    host.installs += 1;
    host.hasEngine = true;
    host.engineRuns = true;
    return { exitCode: 0 };
  },
  apply: (host, script) => {
    for (const [, path = '', mode = '', , content = ''] of script.matchAll(
      /^put (\S+) ([0-7]+) <<'(tsmachine-[0-9a-f]+)'\n([\s\S]*?)\3$/gm,
    )) {
      host.files.set(path, content);
      host.modes.set(path, mode);
    }
    host.hostName = /then \/usr\/bin\/sethostname (\S+);/.exec(script)?.[1] ?? host.hostName;
    if (/^\{ systemctl reset-failed/m.test(script)) {
      startEngine(host);
    }
    return { exitCode: 0 };
  },
  wait: (host) => {
    if (host.firstBoot.startsWith('first-boot done')) {
      Object.assign(host, { hasEngine: true, engineRuns: true });
    }
    return { stdout: host.firstBoot, exitCode: 0 };
  },
  upgrade: (host) => {
    host.engineVersion = host.newestVersion;
    startEngine(host);
    return { exitCode: 0 };
  },
};

function startEngine(host: MemoryLinuxHost): void {
  host.engineStarts += 1;
  host.engineRuns = true;
  shown.set(host, host.files.get('/etc/docker/server.pem') ?? '');
}

function tokenOf(script: string): string {
  return /'(tsmachine-[0-9a-f]+)' "\$1"/.exec(script)?.[1] ?? '';
}

/** What the script of questions says on this host. */
function gathered(host: MemoryLinuxHost, token: string): string {
  const sections: [name: string, text: string][] = [
    ['id', host.isRoot ? '0\n' : '1000\n'],
    ['user', host.isRoot ? 'root\n' : 'ann\n'],
    ['sudo', host.hasSudo ? '/usr/bin/sudo\n' : ''],
    ['os', 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'],
    ['architecture', 'x86_64\n'],
    ['hostname', `${host.hostName}\n`],
    ['manager', 'systemd\n'],
    ['engine-path', host.hasEngine ? '/usr/sbin/dockerd\n' : ''],
    ['unit', host.hasEngine ? unitFiles(host) : ''],
    ['enabled', host.hasEngine ? 'enabled\n' : ''],
    ['info', host.engineRuns ? infoOf(host) : ''],
    ...readPaths
      .filter((path) => host.files.has(path))
      .map((path): [string, string] => [`file ${path}`, host.files.get(path) ?? '']),
    ...digestPaths
      .filter((path) => host.files.has(path))
      .map((path): [string, string] => [`digest ${path}`, digestOf(host, path)]),
    ['firewall', host.firewall],
    ['end', ''],
  ];
  return sections.map(([name, text]) => `\n${token} ${name}\n${text}`).join('');
}

function unitFiles(host: MemoryLinuxHost): string {
  const own = host.files.get(dropIn);
  return `# ${unitPath}\n${unit}${own === undefined ? '' : `\n# ${dropIn}\n${own}`}`;
}

function infoOf(host: MemoryLinuxHost): string {
  const info = { version: host.engineVersion, driver: 'overlay2', running: 0, containers: 0, images: 0 };
  return `${JSON.stringify({ ...info, liveRestore: false, swarm: 'inactive' })}\n`;
}

function digestOf(host: MemoryLinuxHost, path: string): string {
  const sha256 = createHash('sha256')
    .update(host.files.get(path) ?? '')
    .digest('hex');
  return `${sha256}  ${path}\n${host.modes.get(path) ?? '644'}\n`;
}
