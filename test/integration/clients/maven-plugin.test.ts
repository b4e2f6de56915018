import test from 'ava';
import { addMachine, makeClientWorld, type ClientWorld } from './machine-with-engine.ts';

// docker-maven-plugin (access/util of fabric8): the first line of `status`, `env` for cmd with the flag behind the name,
// and exit code 1 for a machine that does not exist.

type Status = 'Running' | 'Stopped' | 'DoesNotExist';

async function statusOf({ store }: ClientWorld, name: string): Promise<Status> {
  const { code, stdout } = await store.dockerMachine(['status', name]);
  const [line = ''] = stdout.split(/\r?\n/);
  if (code === 1) {
    return 'DoesNotExist';
  }
  if (code !== 0 || (line !== 'Running' && line !== 'Stopped')) {
    throw new Error(`status: ${String(code)} "${stdout}"`);
  }
  return line;
}

async function environmentOf({ store }: ClientWorld, name: string): Promise<Record<string, string>> {
  const { stdout } = await store.dockerMachine(['env', name, '--shell', 'cmd']);
  const settings = stdout.split(/\r?\n/).filter((line) => line.startsWith('SET '));
  return Object.fromEntries(
    settings.map((line) => {
      const at = line.indexOf('=');
      return [line.slice('SET '.length, at), line.slice(at + 1)];
    }),
  );
}

test('docker-maven-plugin: a machine is made when it does not exist, and its environment is read', async (t) => {
  const world = await makeClientWorld(t);
  t.is(await statusOf(world, 'maven'), 'DoesNotExist');
  await addMachine(t, world, 'maven');
  t.is(await statusOf(world, 'maven'), 'Running');
  t.deepEqual(await environmentOf(world, 'maven'), {
    DOCKER_TLS_VERIFY: '1',
    DOCKER_HOST: world.engine.url,
    DOCKER_CERT_PATH: `${world.store.path}/machines/maven`,
    DOCKER_MACHINE_NAME: 'maven',
  });
});
