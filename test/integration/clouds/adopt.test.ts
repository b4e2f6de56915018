import { copyFile, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore } from '../../support/cli.ts';
import { restsIn } from '../../support/loopback-cloud/fault-suite.ts';
import { adoptUntilSsh, createUntilSsh } from '../../support/loopback-cloud/half-made.ts';
import { sixClouds } from '../../support/loopback-cloud/six-clouds.ts';

// A machine whose folder is gone comes back into the store, and then `rm` leaves nothing of it. Behind the machines of these
// tests there is no SSH server; what comes after is in test/e2e.

/** Drivers that find a machine by the name that it has at its provider. */
const fixedNames = ['azure', 'google'];

/** Keys of records whose values nobody tells, or that are written in another way: none of them is needed again. */
const unknownKeys: Readonly<Record<string, readonly string[]>> = {
  digitalocean: ['DropletName'],
  google: ['MachineImage'],
  hetzner: ['Location'],
  openstack: ['FlavorName', 'ImageName', 'NetworkName', 'NetworkId', 'FloatingIpPool'],
};

interface MachineRecord {
  readonly Driver: Readonly<Record<string, unknown>>;
}

interface OwnRecord {
  readonly machineId: string;
  readonly sshHostKey?: string;
}

/** What cloud-init writes at the first boot, behind something that has come before. */
function consoleOf(hostKey = ''): string {
  return [
    '[   14.2] cloud-init[812]: -----BEGIN SSH HOST KEY KEYS-----',
    `[   14.2] cloud-init[812]: ${hostKey}`,
    '[   14.2] cloud-init[812]: -----END SSH HOST KEY KEYS-----',
    'dev login: ',
  ].join('\r\n');
}

/** A public line without its comment. */
function keyOf(line: string | undefined): string | undefined {
  return line?.split(' ').slice(0, 2).join(' ');
}

for (const row of sixClouds) {
  const { driver } = row;
  test.serial(
    `${driver}: a machine that the store has lost is adopted, and removed without a rest`,
    async (t) => {
      t.timeout(300_000);
      if (row.missing !== undefined) {
        t.log(`skipped: ${row.missing}`);
        t.pass();
        return;
      }
      const cloud = await row.open();
      const store = await makeStore();
      const env = cloud.byVariable;
      const directory = (name: string): string => path.join(store.path, 'machines', name);
      const recordOf = async (name: string): Promise<MachineRecord> =>
        JSON.parse(await readFile(path.join(directory(name), 'config.json'), 'utf8')) as MachineRecord;
      const ownOf = async (name: string): Promise<OwnRecord> =>
        JSON.parse(await readFile(path.join(directory(name), 'tsmachine.json'), 'utf8')) as OwnRecord;
      try {
        await createUntilSsh(store, ['-d', driver, ...cloud.flags, 'dev'], env);
        const before = await recordOf('dev');
        const pinned = await ownOf('dev');
        const there = await restsIn(cloud);
        const key = path.join(path.dirname(store.path), 'key');
        await copyFile(path.join(directory('dev'), 'id_rsa'), key);

        const present = await store.tsmachine(['adopt', 'dev'], { env });
        t.is(present.code, 0, present.stderr);
        t.regex(present.stderr, /It is in this store already, as "dev"/);

        await rm(directory('dev'), { recursive: true });
        const dry = await store.tsmachine(['gc', '--dry-run'], { env });
        t.regex(dry.stderr, new RegExp(`tsmachine adopt -d ${driver} dev`));
        const other = await store.tsmachine(['adopt', 'nobody', '--ssh-key', key], { env });
        t.is(other.code, 1);
        t.regex(other.stderr, /These could be adopted: dev \(/);

        const renamed = fixedNames.includes(driver) ? 'dev' : 'again';
        if (renamed === 'dev') {
          const refused = await store.tsmachine(['adopt', 'dev', '--as', 'again', '--ssh-key', key], { env });
          t.regex(refused.stderr, /The machine keeps its name "dev"/);
        }
        cloud.showOnConsoles?.(consoleOf(pinned.sshHostKey));
        await adoptUntilSsh(store, ['dev', '--as', renamed, '--ssh-key', key], env);
        const after = await recordOf(renamed);
        const own = await ownOf(renamed);
        t.is(own.machineId, pinned.machineId);
        t.is(
          keyOf(own.sshHostKey),
          cloud.showOnConsoles === undefined ? undefined : keyOf(pinned.sshHostKey),
          'the host key is known before anybody has connected, where the provider tells it',
        );
        t.is((await store.tsmachine(['ls', '-q'], { env })).stdout, `${renamed}\n`);
        t.deepEqual(await restsIn(cloud), there, 'nothing is made and nothing removed');
        t.regex((await store.tsmachine(['status', renamed], { env })).stdout, /^Running/);
        const nothingLeft = await store.tsmachine(['gc', '-y'], { env });
        t.regex(nothingLeft.stderr, /Nothing is left over/, nothingLeft.stdout);

        // What the driver knows of it is what it knew, as far as it matters.
        const different = Object.keys(before.Driver).filter(
          (each) => JSON.stringify(before.Driver[each]) !== JSON.stringify(after.Driver[each]),
        );
        const ofName = renamed === 'dev' ? [] : ['MachineName', 'SSHKeyPath'];
        t.deepEqual(different, [...ofName, ...(unknownKeys[driver] ?? [])]);

        const removed = await store.tsmachine(['rm', '-y', renamed], { env });
        t.is(removed.code, 0, removed.stderr);
        t.deepEqual(await restsIn(cloud), {}, 'nothing is left');
        t.deepEqual(cloud.findings(), []);
      } finally {
        await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
        await store.dispose();
        await cloud.close();
      }
    },
  );
}
