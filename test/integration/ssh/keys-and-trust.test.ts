import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openSsh } from '../../../src/ssh/connection.ts';
import { capture } from '../../../src/ssh/exec.ts';
import { fingerprintOf, parsePublicLine } from '../../../src/ssh/keys.ts';
import { errorOf, host, optionsFor, withConnection, withServer } from './with-server.ts';

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-trust-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function makeKey(directory: string, type: string, ...more: string[]): { path: string; publicLine: string } {
  const path = join(directory, `key-${type}`);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', path, ...more]);
  return { path, publicLine: readFileSync(`${path}.pub`, 'utf8').trim() };
}

test('of a server with several host keys the pinned one is asked for', async (t) => {
  const directory = temporaryDirectory(t);
  const keys = [makeKey(directory, 'rsa', '-b', '2048'), makeKey(directory, 'ecdsa')];
  const config = keys.map(({ path }) => `HostKey ${path}`);
  await withServer(
    t,
    'sshd',
    async (server) => {
      for (const publicLine of [...keys.map((key) => key.publicLine), server.hostKey.publicLine]) {
        await withConnection(
          server,
          async (connection) => {
            t.is(connection.hostKey, publicLine.split(' ').slice(0, 2).join(' '));
          },
          { hostKey: { pinned: publicLine } },
        );
      }
    },
    { config },
  );
});

test('a fingerprint is found among all host keys of a server', async (t) => {
  const rsa = makeKey(temporaryDirectory(t), 'rsa', '-b', '2048');
  await withServer(
    t,
    'sshd',
    async (server) => {
      const fingerprint = fingerprintOf(parsePublicLine(rsa.publicLine).blob);
      await withConnection(
        server,
        async (connection) => {
          t.true(connection.hostKey.startsWith('ssh-rsa '));
        },
        { hostKey: { fingerprint } },
      );
    },
    { config: [`HostKey ${rsa.path}`] },
  );
});

test('a server that lacks the pinned type of key is not the one that was pinned', async (t) => {
  const rsa = makeKey(temporaryDirectory(t), 'rsa', '-b', '2048');
  await withServer(t, 'sshd', async (server) => {
    const error = await errorOf(openSsh(host, optionsFor(server, { hostKey: { pinned: rsa.publicLine } })));
    t.is(error.code, 'ssh-host-key-changed');
  });
});

test('at first use the key is accepted and handed over to be pinned', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    const pinned = await withConnection(server, async ({ hostKey }) => hostKey, {
      hostKey: { firstUse: true },
    });
    await withConnection(
      server,
      async (connection) => {
        t.is((await connection.exec('true')).exitCode, 0);
      },
      { hostKey: { pinned } },
    );
  });
});

test('RSA keys of users in each form, and an agent, let in', async (t) => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const directory = temporaryDirectory(t);
  const path = join(directory, 'id_rsa');
  writeFileSync(path, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  const publicLine = execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).trim();
  const userKey = { privatePem: '', publicLine, fingerprint: '' };
  await withServer(
    t,
    'sshd',
    async (server) => {
      for (const type of ['pkcs1', 'pkcs8'] as const) {
        const privateKeyPem = String(privateKey.export({ type, format: 'pem' }));
        await withConnection(
          server,
          async (connection) => {
            t.is((await connection.exec('true')).exitCode, 0, type);
          },
          { privateKeyPem },
        );
      }
      const agentSocket = join(directory, 'agent');
      const agent = spawn('ssh-agent', ['-D', '-a', agentSocket], { stdio: 'ignore' });
      try {
        for (let attempt = 0; attempt < 100 && !existsSync(agentSocket); attempt += 1) {
          await sleep(20);
        }
        execFileSync('ssh-add', ['-q', path], {
          env: { ...process.env, SSH_AUTH_SOCK: agentSocket },
          stdio: 'ignore',
        });
        await withConnection(
          server,
          async (connection) => {
            t.is((await capture(connection, 'echo "[$SSH_AUTH_SOCK]"')).stdout, '[]\n');
          },
          { privateKeyPem: undefined, agentSocket },
        );
      } finally {
        agent.kill();
      }
      t.is(
        (await errorOf(openSsh(host, optionsFor(server, { privateKeyPem: undefined })))).code,
        'ssh-key-rejected',
      );
    },
    { userKey },
  );
});

test('keys that cannot be used are refused without a connection', async (t) => {
  const error = await errorOf(
    openSsh(host, {
      endpoint: { host: '127.0.0.1', port: 1 },
      user: 'x',
      hostKey: { firstUse: true },
      privateKeyPem: 'rubbish',
      timeoutMs: 1000,
    }),
  );
  t.is(error.code, 'ssh-key-rejected');
});
