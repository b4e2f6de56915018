import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dropbearHostKey, generateSshKeyPair, type SshKeyPair } from '../../../src/ssh/keys.ts';

/** A real SSH server on loopback that lets the user who runs the tests in. */
export interface SshServer {
  readonly port: number;
  readonly user: string;
  readonly hostKey: SshKeyPair;
  readonly userKey: SshKeyPair;
  readonly directory: string;
  /** What the server has logged so far. */
  log(): string;
  /** Pids of the server and of the processes that serve its connections. */
  pids(): number[];
  /** Cuts every connection, together with what runs in it. */
  cut(): void;
  stop(): Promise<void>;
}

/** What a test may choose of a server. */
export interface ServerOptions {
  readonly hostKey?: SshKeyPair;
  readonly userKey?: SshKeyPair;
  readonly port?: number;
  /** More lines for sshd_config. */
  readonly config?: readonly string[];
}

const sshdPath = '/usr/sbin/sshd';

/** Why no sshd can be started here; undefined when one can. */
export function sshdMissing(): string | undefined {
  if (!existsSync(sshdPath)) {
    return 'needs sshd (openssh-server)';
  }
  // As root, sshd wants this directory for its separated part.
  if (userInfo().uid === 0 && !existsSync('/run/sshd')) {
    mkdirSync('/run/sshd', { mode: 0o755 });
  }
  return undefined;
}

/** Why no dropbear can be started here. */
export function dropbearMissing(): string | undefined {
  if (spawnSync('dropbear', ['-V']).error !== undefined) {
    return 'needs dropbear';
  }
  const canMount = spawnSync('unshare', ['-m', 'true']).status === 0;
  return canMount ? undefined : 'needs the right to mount, to give dropbear authorized keys of its own';
}

/** Starts OpenSSH's server in the foreground with a configuration of its own. */
export async function startSshd(options: ServerOptions = {}): Promise<SshServer> {
  const { port, hostKey, userKey, directory } = await prepare(options);
  const hostKeyPath = join(directory, 'host_key');
  writeFileSync(hostKeyPath, hostKey.privatePem, { mode: 0o600 });
  const configPath = join(directory, 'sshd_config');
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKeyPath}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'LogLevel DEBUG1',
    // Or bash would read the start files of whoever runs the tests, and say and do what stands there.
    `SetEnv HOME=${directory}`,
    ...(options.config ?? []),
  ];
  writeFileSync(configPath, `${config.join('\n')}\n`);
  const logPath = join(directory, 'log');
  const child = spawn(sshdPath, ['-D', '-f', configPath, '-E', logPath], { stdio: 'ignore' });
  return running(child, { port, hostKey, userKey, directory, logPath });
}

/**
 * Starts dropbear. It reads the authorized keys of the account's home directory, so it sees another one
 * there, in a mount namespace of its own.
 */
export async function startDropbear(options: ServerOptions = {}): Promise<SshServer> {
  const { port, hostKey, userKey, directory } = await prepare(options);
  const home = join(directory, 'home');
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  chmodSync(home, 0o755);
  writeFileSync(join(home, '.ssh', 'authorized_keys'), `${userKey.publicLine}\n`, { mode: 0o600 });
  writeFileSync(join(directory, 'host_key'), dropbearHostKey(hostKey), { mode: 0o600 });
  const logPath = join(directory, 'log');
  const script = `mount --bind "$1/home" "$2" && exec dropbear -F -E -s -r "$1/host_key" -p 127.0.0.1:$3 -P "$1/pid" 2>"$1/log"`;
  const args = ['-m', 'sh', '-c', script, 'sh', directory, userInfo().homedir, String(port)];
  const child = spawn('unshare', args, { stdio: 'ignore' });
  return running(child, { port, hostKey, userKey, directory, logPath });
}

/** A port of loopback that is free at this moment. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  });
}

async function prepare(
  options: ServerOptions,
): Promise<Pick<SshServer, 'port' | 'hostKey' | 'userKey' | 'directory'>> {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-ssh-'));
  // The user's own directory may be closed to others, sshd's separated part reads as somebody else.
  chmodSync(directory, 0o755);
  const userKey = options.userKey ?? generateSshKeyPair({ randomBytes }, 'user');
  writeFileSync(join(directory, 'authorized_keys'), `${userKey.publicLine}\n`, { mode: 0o644 });
  return {
    port: options.port ?? (await freePort()),
    hostKey: options.hostKey ?? generateSshKeyPair({ randomBytes }, 'host'),
    userKey,
    directory,
  };
}

async function running(
  child: ChildProcess,
  server: Pick<SshServer, 'port' | 'hostKey' | 'userKey' | 'directory'> & { readonly logPath: string },
): Promise<SshServer> {
  const { logPath, ...rest } = server;
  const log = (): string => (existsSync(logPath) ? readFileSync(logPath, 'utf8') : '');
  const pids = (): number[] => (child.pid === undefined ? [] : [child.pid, ...descendants(child.pid)]);
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  const cut = (): void => {
    killAll(pids().slice(1));
  };
  const stop = async (): Promise<void> => {
    // Served connections outlive the server itself.
    killAll(pids());
    await exited;
    rmSync(rest.directory, { recursive: true, force: true });
  };
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) {
      throw new Error(`the SSH server ended: ${log()}`);
    }
    if (await answers(rest.port)) {
      return { ...rest, user: userInfo().username, log, pids, cut, stop };
    }
    await sleep(50);
  }
  await stop();
  throw new Error(`the SSH server does not listen: ${log()}`);
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself in the meantime.
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

/** Processes below `pid`, from the kernel's own lists. */
export function descendants(pid: number): number[] {
  let text = '';
  try {
    text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    return [];
  }
  const children = text.split(' ').filter(Boolean).map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}
