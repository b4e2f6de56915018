import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { makeStore, run, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';

// A machine of our image is also a host that somebody else reaches by SSH: the driver generic takes it as it is.

const world: { store?: TestStore } = {};

test.before(async () => {
  world.store = await makeStore({ sharesTemplates: 'usual' });
});

test.after.always(async () => {
  await world.store?.dispose();
});

async function ok(t: ExecutionContext, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = (await world.store?.tsmachine(args)) ?? {
    code: 1,
    stdout: '',
    stderr: '',
  };
  t.is(code, 0, `${args.join(' ')}\n${stdout}\n${stderr}`);
  return `${stdout}${stderr}`;
}

test.serial(
  'a host of our own image becomes a machine over SSH; a second provision writes nothing',
  async (t) => {
    t.timeout(600_000);
    const { store } = world;
    if (store === undefined) {
      t.fail();
      return;
    }
    await ok(t, 'create', '-d', 'qemu', 'base');
    const directory = path.join(store.path, 'machines', 'base');
    const { sshPort, enginePort } = JSON.parse(await readFile(path.join(directory, 'run.json'), 'utf8')) as {
      readonly sshPort: number;
      readonly enginePort: number;
    };
    const flags = Object.entries({
      'ip-address': '127.0.0.1',
      'ssh-port': String(sshPort),
      'ssh-user': 'docker',
      'ssh-key': path.join(directory, 'id_rsa'),
      'engine-port': String(enginePort),
    }).flatMap(([name, value]) => [`--generic-${name}`, value]);
    const created = await ok(t, 'create', '-d', 'generic', ...flags, 'own');
    t.regex(created, /Docker is there already and stays as it is/);
    const env = await readEnv(store, 'own');
    const version = await run('docker', ['version', '-f', '{{.Server.Version}}'], { env });
    t.is(version.code, 0, version.stderr);
    t.regex(await ok(t, 'provision', 'own'), /nothing was written, nothing was restarted/);
    t.is(await ok(t, 'ssh', 'own', 'hostname'), 'own\n');
  },
);
