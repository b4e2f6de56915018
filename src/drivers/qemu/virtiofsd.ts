import { waitFor } from '../../core/wait.ts';
import type { Share } from '../driver.ts';
import type { Host, ProcessIdentity } from '../../host/types.ts';
import { fileIn, type RunContext } from './run-state.ts';

/** A server of directories for QEMU, by the vhost-user protocol. */
export interface Virtiofsd {
  readonly program: string;
  /** The one in Rust, which needs no privileges; the older one came with QEMU up to 7.2. */
  readonly isRust: boolean;
  /** Can refuse to write by itself; else only the guest would. */
  readonly canBeReadOnly: boolean;
}

/** Where programs that serve devices describe themselves: QEMU's docs/interop/vhost-user.json. */
const descriptions = [
  '/etc/qemu/vhost-user',
  '/usr/local/share/qemu/vhost-user',
  '/usr/share/qemu/vhost-user',
];
const usualPlaces = ['/usr/libexec/virtiofsd', '/usr/lib/virtiofsd', '/usr/lib/qemu/virtiofsd'];
const askTimeoutMs = 5_000;
const listenTimeoutMs = 10_000;
const pauseMs = 10;

/** The virtiofsd of this computer that this user can run, if there is one. Linux only. */
export async function findVirtiofsd(host: Host, signal: AbortSignal): Promise<Virtiofsd | undefined> {
  if (host.facts.platform !== 'linux') {
    return undefined;
  }
  for (const program of [...(await describedPrograms(host)), ...usualPlaces]) {
    if ((await host.files.stat(program).catch(() => undefined)) === undefined) {
      continue;
    }
    const options = { timeoutMs: askTimeoutMs, signal, acceptExitCodes: 'any' } as const;
    const { stdout, stderr } = await host.processes.run(program, ['--version'], options);
    const [, major, minor] = /^virtiofsd (\d+)\.(\d+)/m.exec(`${stdout}\n${stderr}`) ?? [];
    const isRust = major !== undefined;
    if (isRust || (await isRoot(host))) {
      const canBeReadOnly = isRust && (Number(major) > 1 || Number(minor) >= 11);
      return { program, isRust, canBeReadOnly };
    }
  }
  return undefined;
}

async function describedPrograms(host: Host): Promise<string[]> {
  const programs = [];
  for (const directory of descriptions) {
    for (const { name } of await host.files.list(directory).catch(() => [])) {
      const text = await host.files.readText(fileIn(directory, name)).catch(() => '');
      const [, type] = /"type"\s*:\s*"([^"]+)"/.exec(text) ?? [];
      const [, binary] = /"binary"\s*:\s*"([^"]+)"/.exec(text) ?? [];
      if (type === 'fs' && binary?.startsWith('/') === true) {
        programs.push(binary);
      }
    }
  }
  return programs;
}

async function isRoot(host: Host): Promise<boolean> {
  return (await host.files.stat('/proc/self').catch(() => undefined))?.uid === 0;
}

/** The arguments for one share. */
export function virtiofsdArguments(
  { isRust }: Pick<Virtiofsd, 'isRust'>,
  { path, isReadOnly }: Share,
  { socketPath, isPrivileged }: { readonly socketPath: string; readonly isPrivileged: boolean },
): string[] {
  if (!isRust) {
    // Its options are separated by commas.
    const source = path.replaceAll(/[\\,]/g, String.raw`\$&`);
    return ['-f', `--socket-path=${socketPath}`, '-o', `source=${source}`, '-o', 'cache=auto'];
  }
  return [
    ...['--socket-path', socketPath, '--shared-dir', path, '--cache', 'auto'],
    // A name space of its own needs ranges of users that few systems give to everybody.
    ...['--sandbox', isPrivileged ? 'namespace' : 'none'],
    ...(isReadOnly ? ['--readonly'] : []),
  ];
}

/** Socket of the server of a share, beside QEMU's own. */
export function shareSocket(controlPath: string, tag: string): string {
  return `${controlPath.slice(0, controlPath.lastIndexOf('/'))}/${tag}.sock`;
}

/** Servers that run, to be ended when QEMU does not come to use them; each ends with the QEMU that it serves. */
export async function startServers(
  context: RunContext,
  shares: readonly Share[],
  controlPath: string,
): Promise<readonly ProcessIdentity[]> {
  const { host, directory, signal } = context;
  await endServers(context);
  const served = shares.filter(({ way }) => way === 'virtiofs');
  const server = served.length === 0 ? undefined : await findVirtiofsd(host, signal);
  if (server === undefined) {
    return [];
  }
  const isPrivileged = await isRoot(host);
  const running: ProcessIdentity[] = [];
  for (const share of served) {
    const socketPath = shareSocket(controlPath, share.tag);
    await host.files.remove(socketPath);
    const args = virtiofsdArguments(server, share, { socketPath, isPrivileged });
    const options = { logPath: fileIn(directory, 'virtiofsd.log'), cwd: directory };
    running.push(await host.processes.spawnDetached(server.program, args, options));
    // Whoever ends this command finds them again.
    await host.files.writeAtomic(fileIn(directory, recordName), JSON.stringify(running), 0o600);
    await waitFor(async () => ((await host.files.stat(socketPath)) === undefined ? undefined : true), {
      clock: host.clock,
      timeoutMs: listenTimeoutMs,
      intervalMs: pauseMs,
      signal,
      code: 'vm-start-failed',
      what: `${server.program} to serve ${share.path}`,
      hint: () => `See ${options.logPath}`,
    });
  }
  return running;
}

const recordName = 'virtiofsd.json';

/** Ends the servers of the run before that still wait for a QEMU, or serve one that is gone. */
export async function endServers({ host, directory }: Pick<RunContext, 'host' | 'directory'>): Promise<void> {
  const path = fileIn(directory, recordName);
  if ((await host.files.stat(path)) === undefined) {
    return;
  }
  for (const identity of identitiesIn(await host.files.readText(path))) {
    await host.processes.signal(identity, 'SIGTERM');
  }
  await host.files.remove(path);
}

function identitiesIn(text: string): ProcessIdentity[] {
  try {
    const value: unknown = JSON.parse(text);
    return (Array.isArray(value) ? value : []).filter(
      (each): each is ProcessIdentity =>
        Number.isInteger((each as ProcessIdentity | null)?.pid) &&
        typeof (each as ProcessIdentity | null)?.startTime === 'string',
    );
  } catch {
    return [];
  }
}
