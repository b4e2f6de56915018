import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { consoleHostKeys } from '../../../src/cloud/console-keys.ts';
import { isMachineError } from '../../../src/core/errors.ts';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { Driver } from '../../../src/drivers/driver.ts';
import type { Host } from '../../../src/host/types.ts';
import { createHost } from '../../../src/host/real.ts';
import { changeGivenKey, forgetGivenKey } from '../../../src/machine/host-key.ts';
import { createHostLink, type HostLink } from '../../../src/machine/host-link.ts';
import type { OpenMachine } from '../../../src/machine/open.ts';
import { loadOwnData } from '../../../src/machine/own-data.ts';
import { connectSsh } from '../../../src/machine/remote.ts';
import { createSession, type Session } from '../../../src/machine/session.ts';
import type { HostKeyPlace } from '../../../src/provision/host-key.ts';
import { removeKeyCopies } from '../../../src/provision/host-key.ts';
import { createRootShell } from '../../../src/provision/root-shell.ts';
import { openSsh } from '../../../src/ssh/connection.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { findProgram, run } from '../../support/cli.ts';
import type { SshServer } from '../ssh/servers.ts';
import { optionsFor, withConnection, withServer } from '../ssh/with-server.ts';

// A machine that booted with a host key of its user data gets one of its own, of a real SSH server, with a real store.

const name = 'm';

interface Scene {
  readonly server: SshServer;
  readonly machine: OpenMachine;
  readonly place: HostKeyPlace;
  readonly directory: string;
  readonly events: MachineEvent[];
  /** A process with the store; its host may be one that dies. */
  readonly session: (host?: Host) => Session;
  /** Public line of the key that the server shows. */
  readonly shown: () => Promise<string>;
  readonly close: () => void;
}

function openScene(server: SshServer): Scene {
  const storePath = mkdtempSync(path.join(tmpdir(), 'tsm-host-key-'));
  const directory = path.join(storePath, 'machines', name);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const put = (file: string, text: string): void => {
    writeFileSync(path.join(directory, file), text, { mode: 0o600 });
  };
  put('id_rsa', server.userKey.privatePem);
  put('ssh_host_ed25519_key', server.hostKey.privatePem);
  put('known_hosts', 'what it was\n');
  const sidecar = { schema: 1, phase: 'creating', created: '2026-01-02T03:04:05Z', driver: {}, options: {} };
  put('tsmachine.json', JSON.stringify({ ...sidecar, sshHostKey: server.hostKey.publicLine }));
  const ssh = {
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    keyPath: path.join(directory, 'id_rsa'),
  };
  const driver = {
    manifest: { name: 'test', capabilities: { boots: 'host', power: true, ssh: true } },
    inspect: async () => ({ power: 'running', ssh }),
  } as unknown as Driver;
  const machine = { name, directory, driver, record: { Driver: {} }, config: {} } as unknown as OpenMachine;
  const events: MachineEvent[] = [];
  const emit = (event: MachineEvent): void => {
    events.push(event);
  };
  const [pid = 0] = server.pids();
  const config = path.join(server.directory, 'sshd_config');
  return {
    server,
    machine,
    directory,
    events,
    place: {
      keyPath: path.join(server.directory, 'host_key'),
      check: `/usr/sbin/sshd -t -f ${config} -h "$1"`,
      reload: `kill -HUP ${String(pid)}`,
      console: path.join(server.directory, 'console'),
    },
    session: (host = createHost()) =>
      createSession({ host, storePath, emit, signal: new AbortController().signal }),
    shown: async () => {
      const connection = await openSsh(createHost(), optionsFor(server, { hostKey: { firstUse: true } }));
      await connection.close();
      return connection.hostKey;
    },
    close: () => {
      rmSync(storePath, { recursive: true, force: true });
    },
  };
}

async function inScene(t: ExecutionContext, body: (scene: Scene) => Promise<void>): Promise<void> {
  await withServer(t, 'sshd', async (server) => {
    const scene = openScene(server);
    try {
      await body(scene);
    } finally {
      scene.close();
    }
  });
}

/** Changes the key in one process; `change` may spoil what it works with. */
async function changeKey(
  { session, machine, place }: Scene,
  {
    host,
    spoil = (link) => link,
  }: { readonly host?: Host; readonly spoil?: (link: HostLink) => HostLink } = {},
): Promise<void> {
  const process = session(host);
  const link = createHostLink(process, machine);
  try {
    await changeGivenKey({ session: process, machine, link: spoil(link), place });
  } finally {
    await process.close();
  }
}

/** The machine has a key of its own, known to nobody but it, and the store pins that and no other. */
async function hasOwnKey(t: ExecutionContext, scene: Scene, when = ''): Promise<void> {
  const { directory, place, server } = scene;
  const { sshHostKey = '', nextSshHostKey } = await loadOwnData(scene.session(), name);
  t.is(nextSshHostKey, undefined, when);
  t.is(sshHostKey, await scene.shown(), when);
  t.false(server.hostKey.publicLine.startsWith(sshHostKey), when);
  t.is(readFileSync(path.join(directory, 'known_hosts'), 'utf8'), `tsmachine-m ${sshHostKey}\n`, when);
  const privateLine = readFileSync(place.keyPath, 'utf8').split('\n')[3] ?? '';
  for (const file of readdirSync(directory)) {
    t.false(readFileSync(path.join(directory, file), 'utf8').includes(privateLine), `${when}: ${file}`);
  }
  t.is(readFileSync(`${place.keyPath}.pub`, 'utf8'), `${sshHostKey}\n`, when);
  t.false(existsSync(`${place.keyPath}.tsmachine`), when);
  t.deepEqual(
    consoleHostKeys(readFileSync(place.console, 'utf8')),
    [sshHostKey],
    'who adopts it reads it there',
  );
  t.true(await isReached(scene), when);
}

/** Another command reaches the machine, without the lock. A server that starts again listens a moment later. */
async function isReached({ session, machine }: Scene): Promise<boolean> {
  const other = session();
  try {
    for (;;) {
      try {
        await (await connectSsh(other, machine)).close();
        return true;
      } catch (error) {
        if (!isMachineError(error) || error.code !== 'ssh-failed') {
          throw error;
        }
        await sleep(50);
      }
    }
  } finally {
    await other.close();
  }
}

test('the given key is changed for one that never leaves the machine, and is not accepted any more', async (t) => {
  await inScene(t, async (scene) => {
    const { server } = scene;
    await withConnection(server, async (connection) => {
      await changeKey(scene);
      await hasOwnKey(t, scene);
      t.is((await connection.exec('true')).exitCode, 0, 'connections go on');
    });
    await t.throwsAsync(openSsh(createHost(), optionsFor(server)), { code: 'ssh-host-key-changed' });
    const before = await scene.shown();
    await changeKey(scene);
    t.is(await scene.shown(), before, 'a key of its own is not changed again');
    t.deepEqual(scene.events, []);
  });
});

test('killed anywhere, both keys are accepted, and the change is gone on with', async (t) => {
  const last: string[] = [];
  let hasEnded = false;
  // Without a server nothing is done at all.
  const isOver = (): boolean => hasEnded || last.length === 0;
  for (let diesAt = 1; diesAt < 40; diesAt += 1) {
    await inScene(t, async (scene) => {
      const life = mortal(diesAt);
      await changeKey(scene, life).catch(() => undefined);
      hasEnded = !life.isDead();
      last.push(life.deeds.at(-1) ?? '');
      const when = `killed at ${String(diesAt)}, behind ${life.deeds.at(-1) ?? 'nothing'}`;
      t.true(await isReached(scene), when);
      await changeKey(scene);
      await hasOwnKey(t, scene, when);
    });
    if (isOver()) {
      break;
    }
  }
  if (last.length > 0) {
    t.true(last.includes('ran making an SSH host key'));
    t.true(last.includes('ran giving the SSH server its new host key'));
    t.true(last.filter((deed) => deed.endsWith('tsmachine.json')).length >= 2);
  }
});

test('a connection that is cut while the server changes, and a server that says it cannot', async (t) => {
  for (const reload of ['exit 1', 'touch "$key.waits"; sleep 60']) {
    await inScene(t, async (scene) => {
      const { place, server } = scene;
      const changing = changeKey({ ...scene, place: { ...place, reload } });
      if (reload === 'exit 1') {
        await changing;
        t.regex(JSON.stringify(scene.events), /keeps the SSH host key/);
      } else {
        await seen(`${place.keyPath}.waits`);
        server.cut();
        await t.throwsAsync(changing, { code: 'ssh-failed' });
      }
      const { nextSshHostKey } = await loadOwnData(scene.session(), name);
      t.truthy(nextSshHostKey, 'both keys are accepted');
      t.true(await isReached(scene));
      await changeKey(scene);
      await hasOwnKey(t, scene);
    });
  }
});

async function seen(file: string): Promise<void> {
  while (!existsSync(file)) {
    await sleep(50);
  }
}

test('a machine that cannot change its key keeps it, and that is said', async (t) => {
  await inScene(t, async (scene) => {
    await changeKey({ ...scene, place: { ...scene.place, check: 'echo no such option >&2; false' } });
    t.regex(JSON.stringify(scene.events), /keeps the SSH host key of its user data.*no such option/);
    t.is(await scene.shown(), scene.server.hostKey.publicLine.split(' ').slice(0, 2).join(' '));
    t.true(await isReached(scene));
    await changeKey(scene);
    await hasOwnKey(t, scene);
  });
});

test('copies of a key are taken out of what cloud-init keeps, and nothing else is', async (t) => {
  const shells = ['sh', 'busybox'].filter((each) => findProgram(each) !== undefined);
  for (const shell of shells) {
    const directory = mkdtempSync(path.join(tmpdir(), 'tsm-copies-'));
    const { privatePem } = generateSshKeyPair({ randomBytes }, 'given');
    const other = generateSshKeyPair({ randomBytes }, 'other').privatePem;
    const indent = (pem: string): string => pem.replaceAll(/^(?=.)/gm, '    ');
    const text = `ssh_keys:\n  ed25519_private: |\n${indent(privatePem)}theirs: |\n${indent(other)}end: true\n`;
    const file = (each: string): string => path.join(directory, each);
    for (const each of ['user-data.txt', 'user-data.txt.i', 'cloud-config.txt']) {
      writeFileSync(file(each), text, { mode: 0o600 });
    }
    const exec = async (
      _command: string,
      { stdin, onStdout }: { stdin?: unknown; onStdout?: (chunk: Buffer) => unknown },
    ) => {
      const args = shell === 'busybox' ? ['sh', '-s'] : ['-s'];
      const { code, stdout } = await run(shell, args, { input: String(stdin) });
      onStdout?.(Buffer.from(stdout));
      return { exitCode: code ?? undefined, signal: undefined };
    };
    const shellOf = createRootShell({ exec } as unknown as Parameters<typeof createRootShell>[0]);
    const place = { directory, result: file('user-data.txt') };
    t.true(await removeKeyCopies({ shell: shellOf, place }, privatePem));
    for (const each of ['user-data.txt', 'cloud-config.txt']) {
      const left = readFileSync(file(each), 'utf8');
      t.false(left.includes(privatePem.split('\n')[3] ?? ''));
      t.true(left.includes(indent(other)) && left.endsWith('end: true\n'), 'what is not ours stays');
    }
    t.false(existsSync(file('user-data.txt.i')));
    rmSync(directory, { recursive: true });
  }
});

test('the store forgets the given key when it is not the key of the machine any more', async (t) => {
  await inScene(t, async (scene) => {
    const given = path.join(scene.directory, 'ssh_host_ed25519_key');
    const place = { directory: path.join(scene.directory, 'none'), result: given };
    const forget = async (): Promise<void> => {
      const session = scene.session();
      const link = createHostLink(session, scene.machine);
      await forgetGivenKey({ session, machine: scene.machine, link, place });
      await session.close();
    };
    await forget();
    t.true(existsSync(given), 'it is needed');
    await changeKey(scene);
    await forget();
    t.false(existsSync(given));
    // As for a machine that was adopted: there is none to be forgotten.
    await t.notThrowsAsync(forget());
  });
});

/** A process that is killed before its n-th deed: a script for the machine, a file of the store, a connection. */
function mortal(diesAt: number): {
  readonly host: Host;
  readonly spoil: (link: HostLink) => HostLink;
  readonly deeds: readonly string[];
  readonly isDead: () => boolean;
} {
  const real = createHost();
  const deeds: string[] = [];
  let isDead = false;
  const act = async <T>(deed: string, action: () => Promise<T>): Promise<T> => {
    const live = (): void => {
      isDead ||= deeds.length + 1 >= diesAt;
      if (isDead) {
        throw new Error('killed');
      }
    };
    live();
    const result = await action();
    deeds.push(deed);
    live();
    return result;
  };
  const host: Host = {
    ...real,
    clock: {
      ...real.clock,
      sleep: async (ms, signal) => {
        if (isDead) {
          throw new Error('killed');
        }
        await real.clock.sleep(ms, signal);
      },
    },
    files: {
      ...real.files,
      writeAtomic: (file, content, mode) =>
        act(`wrote ${file}`, () => real.files.writeAtomic(file, content, mode)),
    },
    network: {
      ...real.network,
      connect: (address, options) => act('connected', () => real.network.connect(address, options)),
    },
  };
  return {
    host,
    deeds,
    isDead: () => isDead,
    spoil: (link) => ({
      ...link,
      access: async () => {
        const access = await link.access();
        const { shell } = access;
        return {
          ...access,
          shell: {
            ...shell,
            require: (script, options) => act(`ran ${options.label}`, () => shell.require(script, options)),
          },
        };
      },
    }),
  };
}
