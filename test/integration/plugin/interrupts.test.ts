import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import test from 'ava';
import { isGone, projectRoot } from '../../support/cli.ts';
import { withPlugin, type PluginScene } from '../../support/go-plugin.ts';

// A create that does not come to its end, because somebody or something stops it.

const deadlineMs = 60_000;

/** Starts a create that would take an hour, and waits until the record knows what the plugin has started. */
async function slowCreate(scene: PluginScene): Promise<{ child: ChildProcess; pid: string }> {
  const child = spawn(
    process.execPath,
    [path.join(projectRoot, 'bin', 'tsmachine.js'), 'create', '-d', 'ci-test', 'm'],
    {
      env: { ...process.env, MACHINE_STORAGE_PATH: scene.store.path, ...scene.env, GOPLUGIN_MODE: 'slow' },
      stdio: 'ignore',
    },
  );
  const pid = await eventually(async () => {
    const found = await scene.machinePid('m').catch(() => '0');
    return found === '0' ? undefined : found;
  });
  return { child, pid };
}

async function eventually<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + deadlineMs; Date.now() < end;) {
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('it did not happen in time');
}

test('after SIGKILL in the middle of Create, rm removes what the plugin had started', async (t) => {
  await withPlugin(t, async (scene) => {
    const { child, pid } = await slowCreate(scene);
    child.kill('SIGKILL');
    await once(child, 'exit');
    t.false(await isGone(pid));
    t.regex((await scene.tsmachine(['ls'])).stdout, /^m .*Running/m);
    const removed = await scene.tsmachine(['rm', '-y', 'm']);
    t.is(removed.code, 0, removed.stderr);
    t.true(await isGone(pid));
    // The plugin of the killed command hears no heartbeat any more.
    await eventually(async () => ((await scene.leftPlugins()).length === 0 ? true : undefined));
  });
});

test('a Create that was killed and has brought its machine up goes on with it', async (t) => {
  await withPlugin(t, async (scene) => {
    const { child, pid } = await slowCreate(scene);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const resumed = await scene.tsmachine(['create', '--resume', '-d', 'ci-test', 'm']);
    t.is(resumed.code, 0, resumed.stderr);
    t.is(await scene.machinePid('m'), pid);
    await eventually(async () => ((await scene.leftPlugins()).length === 0 ? true : undefined));
  });
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle of Create undoes it`, async (t) => {
    await withPlugin(t, async (scene) => {
      const { child, pid } = await slowCreate(scene);
      child.kill(signal);
      const [code] = (await once(child, 'exit')) as [number];
      t.is(code, 130);
      t.true(await isGone(pid));
      t.deepEqual(await scene.leftPlugins(), []);
      t.is((await scene.tsmachine(['ls', '-q'])).stdout, '');
    });
  });
}
