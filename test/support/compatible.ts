import { mkdir, symlink } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { makeStore, projectRoot, run, type Outcome, type TestStore } from './cli.ts';

const killAtFileCall = path.join(projectRoot, 'test', 'fixtures', 'kill-at-file-call.mjs');

/** A store and the program under docker-machine's name, as callers find it on their PATH. */
export interface CompatibleStore extends TestStore {
  /** Directory with `docker-machine` in it, for PATH. */
  readonly binDirectory: string;
  /** What callers of docker-machine have in their environment. */
  readonly env: Readonly<Record<string, string>>;
  dockerMachine(args: readonly string[]): Promise<Outcome>;
  /** The same, but the process is killed with SIGKILL at its n-th call to the file system, if it makes so many. */
  dockerMachineKilled(args: readonly string[], fileCall: number): Promise<Outcome>;
}

/** Makes an empty store, and a symlink named docker-machine that leads to the program. */
export async function makeCompatibleStore(): Promise<CompatibleStore> {
  const store = await makeStore();
  const home = path.dirname(store.path);
  const binDirectory = path.join(home, 'bin');
  const program = path.join(binDirectory, 'docker-machine');
  await mkdir(binDirectory);
  await symlink(path.join(projectRoot, 'bin', 'tsmachine.js'), program);
  const env = {
    MACHINE_STORAGE_PATH: store.path,
    DOCKER_CONFIG: path.join(home, 'docker'),
    DOCKER_HOST: '',
    PATH: `${binDirectory}${path.delimiter}${process.env['PATH'] ?? ''}`,
  };
  return {
    ...store,
    binDirectory,
    env,
    dockerMachine: (args) => run(process.execPath, [program, ...args], { env }),
    dockerMachineKilled: (args, fileCall) =>
      run(process.execPath, ['--import', killAtFileCall, program, ...args], {
        env: { ...env, KILL_AT: String(fileCall) },
      }),
  };
}
