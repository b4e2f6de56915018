import { spawn, type ChildProcess } from 'node:child_process';
import { chown, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findProgram, projectRoot, run, type Outcome, type RunOptions } from './cli.ts';

// A user without privileges, with processes, a network and mounts of his own: nothing that runs there outlives the test,
// and no port is anybody else's.

/** The user, and how programs are run as him. */
export interface OrdinaryUser {
  readonly home: string;
  readonly run: (file: string, args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  readonly tsmachine: (args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  /** Ends all his processes and removes his home. */
  dispose(): Promise<void>;
}

/** Every system has him. */
const nobody = 65_534;
const programs = ['unshare', 'nsenter', 'setpriv', 'ip'];
/** The first process waits for orphans, as init does: libvirt waits until they are gone. */
const initScript = 'ip link set lo up && echo up && while :; do sleep 3600; done';

/** Makes the user, or says what is missing for it. */
export async function makeOrdinaryUser(): Promise<OrdinaryUser | string> {
  const missing = programs.find((program) => findProgram(program) === undefined);
  if (process.getuid?.() !== 0 || missing !== undefined) {
    return missing ?? 'root, to become an ordinary user';
  }
  const outer = spawn(
    'unshare',
    ['--pid', '--fork', '--kill-child', '--net', '--mount', '--ipc', '--mount-proc', 'sh', '-c', initScript],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const isUp = await new Promise<boolean>((resolve) => {
    outer.stdout.once('data', () => {
      resolve(true);
    });
    outer.once('close', () => {
      resolve(false);
    });
  });
  if (!isUp) {
    return 'namespaces of processes, network and mounts';
  }
  const user = await enter(outer);
  const { code } = await user.tsmachine(['version']);
  if (code !== 0) {
    await user.dispose();
    return 'a checkout that others may read';
  }
  return user;
}

async function enter(outer: ChildProcess): Promise<OrdinaryUser> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-user-'));
  const runtime = path.join(home, 'run');
  await mkdir(runtime, { mode: 0o700 });
  await chown(home, nobody, nobody);
  await chown(runtime, nobody, nobody);
  const children = await readFile(`/proc/${outer.pid ?? 0}/task/${outer.pid ?? 0}/children`, 'utf8');
  const init = children.trim();
  const environment = [
    `PATH=${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    `HOME=${home}`,
    `XDG_RUNTIME_DIR=${runtime}`,
    `DOCKER_CONFIG=${home}/docker`,
    `MACHINE_STORAGE_PATH=${home}/store`,
  ];
  const asUser: OrdinaryUser['run'] = (file, args, options = {}) =>
    run(
      'nsenter',
      [
        ...['-t', init, '--pid', '--net', '--mount', '--ipc', `--wd=${home}`],
        ...['setpriv', '--reuid', String(nobody), '--regid', String(nobody), '--clear-groups'],
        ...['env', '-i', ...environment, ...Object.entries(options.env ?? {}).map((pair) => pair.join('='))],
        ...[file, ...args],
      ],
      { ...options, env: {} },
    );
  return {
    home,
    run: asUser,
    tsmachine: (args, options) =>
      asUser(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args], options),
    dispose: async () => {
      const isClosed = new Promise((resolve) => outer.once('close', resolve));
      // The first process of its namespace takes all others with it.
      outer.kill('SIGKILL');
      await isClosed;
      await rm(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
    },
  };
}
