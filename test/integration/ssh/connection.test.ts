import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { isMachineError, type MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';
import { openSsh } from '../../../src/ssh/connection.ts';
import { capture } from '../../../src/ssh/exec.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { quoteArgv } from '../../../src/ssh/quote.ts';
import type { SshConnection, SshOptions } from '../../../src/ssh/types.ts';
import {
  dropbearMissing,
  freePort,
  sshdMissing,
  startDropbear,
  startSshd,
  type ServerOptions,
  type SshServer,
} from './servers.ts';

const host = createHost();

/** Runs a test with a server of the given kind, or says why not. */
async function withServer(
  t: ExecutionContext,
  kind: 'sshd' | 'dropbear',
  body: (server: SshServer) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const missing = kind === 'sshd' ? sshdMissing() : dropbearMissing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const server = await (kind === 'sshd' ? startSshd(options) : startDropbear(options));
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

function optionsFor(server: SshServer, changed: Partial<SshOptions> = {}): SshOptions {
  return {
    endpoint: { host: '127.0.0.1', port: server.port },
    user: server.user,
    hostKey: { pinned: server.hostKey.publicLine },
    privateKeyPem: server.userKey.privatePem,
    timeoutMs: 20_000,
    ...changed,
  };
}

async function withConnection<T>(
  server: SshServer,
  body: (connection: SshConnection) => Promise<T>,
  changed: Partial<SshOptions> = {},
): Promise<T> {
  const connection = await openSsh(host, optionsFor(server, changed));
  try {
    return await body(connection);
  } finally {
    await connection.close();
  }
}

async function errorOf(work: Promise<unknown>): Promise<MachineError> {
  try {
    await work;
  } catch (error) {
    if (isMachineError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it should have failed');
}

for (const kind of ['sshd', 'dropbear'] as const) {
  test(`${kind}: a command's outputs, input and exit code arrive`, async (t) => {
    await withServer(t, kind, async (server) => {
      await withConnection(server, async (connection) => {
        t.is(connection.hostKey, server.hostKey.publicLine.split(' ').slice(0, 2).join(' '));
        const said = await capture(connection, 'cat; echo problem >&2; exit 7', { stdin: 'grüße\0\n' });
        t.deepEqual(said, { exitCode: 7, signal: undefined, stdout: 'grüße\0\n', stderr: 'problem\n' });
      });
    });
  });

  test(`${kind}: exit code, death by signal and a cut connection are three different ends`, async (t) => {
    await withServer(t, kind, async (server) => {
      await withConnection(server, async (connection) => {
        t.deepEqual(await connection.exec('exit 255'), { exitCode: 255, signal: undefined });
        t.deepEqual(await connection.exec('kill -KILL $$'), { exitCode: undefined, signal: 'SIGKILL' });
        const cut = connection.exec('echo begun; sleep 60', {
          onStdout: () => {
            for (const pid of server.pids().slice(1)) {
              process.kill(pid, 'SIGKILL');
            }
          },
        });
        const error = await errorOf(cut);
        t.is(error.code, 'ssh-failed');
        t.is(error.facts['trouble'], 'cut');
        t.is((await errorOf(connection.exec('true'))).code, 'ssh-failed');
      });
    });
  });

  test(`${kind}: another host key is refused before anything is authenticated`, async (t) => {
    await withServer(t, kind, async (server) => {
      const other = generateSshKeyPair({ randomBytes }, 'other');
      const pinned = await errorOf(
        openSsh(host, optionsFor(server, { hostKey: { pinned: other.publicLine } })),
      );
      t.is(pinned.code, 'ssh-host-key-changed');
      t.true(pinned.why?.includes(server.hostKey.fingerprint));
      const wrongPrint = { fingerprint: other.fingerprint };
      t.is(
        (await errorOf(openSsh(host, optionsFor(server, { hostKey: wrongPrint })))).code,
        'ssh-host-key-changed',
      );
      t.notRegex(server.log(), /userauth|publickey|Pubkey|auth (?:succeeded|attempt)/i);
      const rightPrint = { fingerprint: server.hostKey.fingerprint };
      await withConnection(
        server,
        async (connection) => {
          t.is((await connection.exec('true')).exitCode, 0);
        },
        { hostKey: rightPrint },
      );
    });
  });

  test(`${kind}: a key that is not authorized is an error of its own`, async (t) => {
    await withServer(t, kind, async (server) => {
      const stranger = generateSshKeyPair({ randomBytes }, 'stranger');
      const error = await errorOf(openSsh(host, optionsFor(server, { privateKeyPem: stranger.privatePem })));
      t.is(error.code, 'ssh-key-rejected');
    });
  });

  test(`${kind}: twelve actions at once on one connection`, async (t) => {
    await withServer(t, kind, async (server) => {
      await withConnection(server, async (connection) => {
        const ends = await Promise.all(
          Array.from({ length: 12 }, (_, index) => capture(connection, `sleep 0.2; echo ${index}`)),
        );
        t.deepEqual(
          ends.map(({ stdout }) => Number(stdout)),
          Array.from({ length: 12 }, (_, index) => index),
        );
      });
    });
  });

  test(`${kind}: 100 MB of output and a flood of errors pass without growing the process`, async (t) => {
    await withServer(t, kind, async (server) => {
      await withConnection(server, async (connection) => {
        let outBytes = 0;
        let peakBytes = 0;
        const end = await connection.exec(
          'head -c 100000000 /dev/zero & head -c 20000000 /dev/zero >&2; wait',
          {
            onStdout: (chunk) => {
              outBytes += chunk.length;
              peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
            },
          },
        );
        t.is(end.exitCode, 0);
        t.is(outBytes, 100_000_000);
        t.true(peakBytes < 250e6, `peak ${peakBytes}`);
      });
    });
  });

  test(`${kind}: a file is uploaded whole, with its mode, over an existing one`, async (t) => {
    await withServer(t, kind, async (server) => {
      await withConnection(server, async (connection) => {
        const path = join(server.directory, "it's a \\ file!");
        const bytes = randomBytes(3_000_000);
        await connection.upload('old', path, 0o644);
        await connection.upload(bytes, path, 0o600);
        t.true(readFileSync(path).equals(bytes));
        t.is(statSync(path).mode & 0o7777, 0o600);
        const nowhere = await errorOf(
          connection.upload('x', join(server.directory, 'missing', 'file'), 0o600),
        );
        t.is(nowhere.code, 'program-failed');
        t.is((await errorOf(connection.upload('x', server.directory, 0o600))).code, 'program-failed');
        t.deepEqual(
          readdirSync(server.directory).filter((name) => name.endsWith('.tmp')),
          [],
        );
      });
    });
  });
}
