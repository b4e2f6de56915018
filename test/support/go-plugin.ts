import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { isGone, makeStore, type Outcome, type RunOptions, type TestStore } from './cli.ts';
import { buildGoProgram } from './go-programs.ts';

/** A store, with our plugin of test/fixtures/goplugin on PATH as the driver `ci-test`. */
export interface PluginScene {
  readonly store: TestStore;
  /** Runs tsmachine with the plugin in the manners of `mode`: see test/fixtures/goplugin/main.go. */
  readonly tsmachine: (args: readonly string[], mode?: string, options?: RunOptions) => Promise<Outcome>;
  /** The environment in which `tsmachine` runs. */
  readonly env: Readonly<Record<string, string>>;
  /** The pid of a machine's process, as config.json has it. */
  readonly machinePid: (name: string) => Promise<string>;
  /** The driver's part of config.json. */
  readonly record: (name: string) => Promise<Readonly<Record<string, unknown>>>;
  /** Pids of plugins that were started and still run. */
  readonly leftPlugins: () => Promise<string[]>;
}

/** Runs a test with a scene of its own, and takes care that neither plugin nor machine outlives it. */
export async function withPlugin(
  t: ExecutionContext,
  body: (scene: PluginScene) => Promise<void>,
): Promise<void> {
  const plugin = buildGoProgram(t, 'goplugin');
  if (plugin === undefined) {
    return;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-plugin-'));
  const bin = path.join(directory, 'bin');
  await mkdir(bin);
  await copyFile(plugin, path.join(bin, 'docker-machine-driver-ci-test'));
  const store = await makeStore();
  const pids = path.join(directory, 'pids');
  const env = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, GOPLUGIN_PIDS: pids, GOPLUGIN_MODE: '' };
  const record = async (name: string): Promise<Readonly<Record<string, unknown>>> => {
    const text = await readFile(path.join(store.path, 'machines', name, 'config.json'), 'utf8');
    return (JSON.parse(text) as { Driver: Record<string, unknown> }).Driver;
  };
  const scene: PluginScene = {
    store,
    env,
    tsmachine: async (args, mode = '', options = {}) =>
      store.tsmachine(args, { ...options, env: { ...env, GOPLUGIN_MODE: mode, ...options.env } }),
    record,
    machinePid: async (name) => String((await record(name))['Pid']),
    leftPlugins: async () => {
      const started = (await readFile(pids, 'utf8').catch(() => '')).split('\n').filter((pid) => pid !== '');
      const gone = await Promise.all(started.map(isGone));
      return started.filter((_pid, index) => gone[index] !== true);
    },
  };
  try {
    await body(scene);
    t.deepEqual(await scene.leftPlugins(), [], 'no plugin is left');
  } finally {
    const names = (await scene.tsmachine(['ls', '-q'])).stdout.split('\n').filter((name) => name !== '');
    if (names.length > 0) {
      await scene.tsmachine(['rm', '-f', '-y', ...names]);
    }
    await store.dispose();
    await rm(directory, { recursive: true, force: true });
  }
}
