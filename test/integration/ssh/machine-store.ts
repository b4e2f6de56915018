import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHost } from '../../../src/host/real.ts';
import { projectRoot, run, type Outcome, type RunOptions } from '../../support/cli.ts';
import type { SshServer } from './servers.ts';

/** A store whose machines are SSH servers of a test. */
export interface MachineStore {
  readonly path: string;
  /** A directory for a test's files, beside the store. */
  readonly files: string;
  /** Adds a machine that has this server's address and keys, or others. */
  add(
    name: string,
    server: Pick<SshServer, 'user' | 'port' | 'hostKey' | 'userKey'>,
    changed?: { readonly hostKey?: string },
  ): Promise<void>;
  /** A machine that has never been started. */
  addStopped(name: string): void;
  tsmachine(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  dispose(): void;
}

/**
 * Makes an empty store; `below` is part of its path. Its machines are of the driver qemu: what that asks of a machine that
 * runs is a file with its ports and a process that is alive, for which the test itself stands in.
 */
export function makeMachineStore(below = 'store'): MachineStore {
  const home = mkdtempSync(join(tmpdir(), 'tsm-ssh-'));
  const path = join(home, below);
  const files = join(home, 'files');
  mkdirSync(files);
  const write = (name: string, file: string, content: object | string, mode = 0o600): void => {
    mkdirSync(join(path, 'machines', name), { recursive: true, mode: 0o700 });
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(path, 'machines', name, file), text, { mode });
  };
  const record = (name: string, user: string): object => ({
    ConfigVersion: 3,
    Driver: { IPAddress: '127.0.0.1', MachineName: name, SSHUser: user, StorePath: path },
    DriverName: 'qemu',
    HostOptions: { EngineOptions: {}, SwarmOptions: {}, AuthOptions: {} },
    Name: name,
  });
  return {
    path,
    files,
    add: async (name, server, changed = {}) => {
      write(name, 'config.json', record(name, server.user));
      write(name, 'id_rsa', server.userKey.privatePem);
      write(name, 'tsmachine.json', {
        schema: 1,
        phase: 'ready',
        created: '2026-01-02T03:04:05.000Z',
        driver: {},
        options: {},
        sshHostKey: changed.hostKey ?? server.hostKey.publicLine,
      });
      write(name, 'run.json', {
        schema: 1,
        process: await createHost().processes.identify(process.pid),
        startedAtMs: 0,
        sshPort: server.port,
        enginePort: 1,
        accelerator: 'tcg',
        control: join(home, 'none'),
        observer: join(home, 'none'),
      });
    },
    addStopped: (name) => {
      write(name, 'config.json', record(name, 'docker'));
    },
    tsmachine: (args, options = {}) =>
      run(process.execPath, [join(projectRoot, 'bin', 'tsmachine.js'), ...args], {
        timeoutMs: 60_000,
        ...options,
        env: { MACHINE_STORAGE_PATH: path, MACHINE_NATIVE_SSH: '', ...options.env },
      }),
    dispose: () => {
      rmSync(home, { recursive: true, force: true });
    },
  };
}
