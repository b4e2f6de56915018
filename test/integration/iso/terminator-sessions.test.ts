import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { connect, type SecureVersion } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { findProgram, projectRoot } from '../../support/cli.ts';
import { makeCa, makeLeaf } from '../engine/tls-engine.ts';

// socat as the guest's terminator runs it, with the configuration of OpenSSL that is in the image.

const configuration = path.join(projectRoot, 'iso/rootfs/usr/lib/tsmachine/terminator.cnf');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts socat with files in a directory; it ends with the test. @returns its port. */
async function startTerminator(t: ExecutionContext, program: string, directory: string): Promise<number> {
  const port = await freePort();
  const files = `cert=${directory}/server.pem,key=${directory}/server-key.pem,cafile=${directory}/ca.pem`;
  const listen = `OPENSSL-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork,verify=1,${files}`;
  const child = spawn(program, ['-d', '-d', listen, 'EXEC:cat'], {
    env: { ...process.env, OPENSSL_CONF: configuration },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill());
  let said = '';
  for await (const chunk of child.stderr) {
    said += String(chunk);
    if (said.includes('listening on')) {
      break;
    }
  }
  child.stderr.resume();
  t.regex(said, /listening on/);
  return port;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
  test(`a client that comes back with its ${version} session is served`, async (t) => {
    const program = findProgram('socat');
    if (program === undefined) {
      t.log('skipped: needs socat');
      t.pass();
      return;
    }
    const directory = await mkdtemp(path.join(tmpdir(), 'tsm-terminator-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const ca = await makeCa();
    const server = await makeLeaf(ca, {});
    const client = await makeLeaf(ca, { purpose: 'client' });
    await writeFile(path.join(directory, 'ca.pem'), ca.certPem);
    await writeFile(path.join(directory, 'server.pem'), server.certPem);
    await writeFile(path.join(directory, 'server-key.pem'), server.keyPem);
    const port = await startTerminator(t, program, directory);
    const echo = (session?: Buffer): Promise<Buffer | undefined> =>
      new Promise((resolve, reject) => {
        let last: Buffer | undefined;
        const socket = connect({
          ...{ host: '127.0.0.1', port, maxVersion: version, session },
          ...{ ca: ca.certPem, cert: client.certPem, key: client.keyPem },
        });
        socket.on('session', (given) => (last = given));
        socket.on('error', reject);
        // The answer comes behind the sessions, if there are any.
        socket.on('data', () => socket.destroy());
        socket.on('close', () => {
          resolve(last);
        });
        socket.write('x');
      });
    // Undefined when it gives none, which is as good.
    const session = await echo();
    await t.notThrowsAsync(echo(session));
  });
}
