import { copyFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore } from '../../support/cli.ts';
import { startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { restsIn } from '../../support/loopback-cloud/fault-suite.ts';
import { adoptUntilSsh, createUntilSsh } from '../../support/loopback-cloud/half-made.ts';

// Machines of a store that is gone as a whole, and those that nobody can log into.

test.serial('a new store takes over the id of one that is gone, and its machines', async (t) => {
  t.timeout(300_000);
  const cloud = await startDigitalOcean();
  const [old, young] = [await makeStore(), await makeStore()];
  const env = { DIGITALOCEAN_ACCESS_TOKEN: 'test', SSH_AUTH_SOCK: '' };
  const place = ['-d', 'digitalocean', '--digitalocean-endpoint', cloud.url];
  const key = path.join(path.dirname(young.path), 'key');
  try {
    await createUntilSsh(old, [...place, '--digitalocean-open-to', '198.18.0.0/15', 'dev'], env);
    await copyFile(path.join(old.path, 'machines', 'dev', 'id_rsa'), key);
    const storeId = (await readFile(path.join(old.path, '.store-id'), 'utf8')).trim();

    const nobody = await young.tsmachine(['adopt', ...place, 'dev'], { env });
    t.is(nobody.code, 2, nobody.stderr);
    t.regex(nobody.stderr, /--store-id UUID/);
    const other = await old.tsmachine(['adopt', ...place, '--store-id', storeId.replace(/^./, 'f'), 'dev'], {
      env,
    });
    t.regex(
      other.stderr,
      storeId.startsWith('f') ? /in this store already/ : /This store has an id of its own/,
    );

    const keyless = await young.tsmachine(['adopt', ...place, '--store-id', storeId, 'dev'], { env });
    t.is(keyless.code, 1);
    t.regex(keyless.stderr, /There is no SSH key to log in with/);
    t.regex(keyless.stderr, /doctl compute droplet-action password-reset/);
    t.is((await young.tsmachine(['ls', '-q'], { env })).stdout, '', 'it is as lost as before');

    await adoptUntilSsh(young, [...place, '--store-id', storeId, '--ssh-key', key, 'dev'], env);
    const removed = await young.tsmachine(['rm', '-y', 'dev'], { env });
    t.is(removed.code, 0, removed.stderr);
    t.deepEqual(await restsIn({ rests: async () => cloud.rests() }), {});
    t.deepEqual(cloud.findings, []);
  } finally {
    await rm(path.join(old.path, 'machines'), { recursive: true, force: true });
    await rm(path.join(young.path, 'machines'), { recursive: true, force: true });
    await old.dispose();
    await young.dispose();
    await cloud.close();
  }
});
