import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { findProgram, run } from '../../support/cli.ts';
import { addMachine, makeClientWorld } from './machine-with-engine.ts';

/** Where Debian's package ansible puts the collection. */
const plugin =
  '/usr/lib/python3/dist-packages/ansible_collections/community/docker/plugins/inventory/docker_machine.py';

test("ansible's inventory community.docker.docker_machine finds the machines and their engines", async (t) => {
  const program = findProgram('ansible-inventory');
  if (program === undefined || !existsSync(plugin)) {
    t.log('skipped: needs ansible with the collection community.docker');
    t.pass();
    return;
  }
  const world = await makeClientWorld(t);
  await addMachine(t, world, 'web');
  const inventory = path.join(path.dirname(world.store.path), 'docker_machine.yml');
  await writeFile(inventory, 'plugin: community.docker.docker_machine\ndaemon_env: require\n');
  const { code, stdout, stderr } = await run(program, ['-i', inventory, '--list'], {
    env: { ...world.store.env, ANSIBLE_HOME: path.dirname(inventory), ANSIBLE_LOCALHOST_WARNING: 'false' },
  });
  t.is(code, 0, stderr);
  const found = JSON.parse(stdout) as {
    readonly _meta: { readonly hostvars: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  };
  t.like(found._meta.hostvars['web'], {
    dm_DOCKER_HOST: world.engine.url,
    dm_DOCKER_TLS_VERIFY: '1',
    dm_DOCKER_CERT_PATH: path.join(world.store.path, 'machines', 'web'),
    dm_DOCKER_MACHINE_NAME: 'web',
  });
});
