import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { openSsh } from '../../../src/ssh/connection.ts';
import { capture } from '../../../src/ssh/exec.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { errorOf, host, optionsFor, withConnection, withServer } from './with-server.ts';

const run = promisify(execFile);

/** What has to hold with every server that machines have: OpenSSH and dropbear. */

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

  test(`${kind}: connections to ports of the other side, of which each side ends its half`, async (t) => {
    await withServer(t, kind, async (server) => {
      const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
      await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
      const { port } = echo.address() as AddressInfo;
      await withConnection(server, async (connection) => {
        const channel = await connection.dial('127.0.0.1', port);
        channel.end('there and back');
        t.is((await channel.toArray()).join(''), 'there and back');
        await new Promise((resolve) => echo.close(resolve));
        // Not the port that was free a moment ago: somebody else may have it by now.
        const error = await errorOf(connection.dial('127.0.0.1', 1));
        t.is(error.code, 'ssh-failed');
        t.is(error.facts['trouble'], 'channel-refused');
        t.is((await connection.exec('exit 3')).exitCode, 3, 'the connection goes on');
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
            server.cut();
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
      const flood = fileURLToPath(new URL('flood.js', import.meta.url));
      const command = 'head -c 100000000 /dev/zero & head -c 20000000 /dev/zero >&2; wait';
      const { stdout } = await run(process.execPath, [flood, JSON.stringify(optionsFor(server)), command]);
      const said = JSON.parse(stdout) as { exitCode: number; outBytes: number; peakBytes: number };
      t.like(said, { exitCode: 0, outBytes: 100_000_000 });
      t.true(said.peakBytes < 200e6, `peak ${said.peakBytes}`);
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
