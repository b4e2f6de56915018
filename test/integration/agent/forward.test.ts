import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { forwardPorts } from '../../../src/agent/forward.ts';
import { showPorts, type ShownPort } from '../../../src/agent/show.ts';
import { createHost } from '../../../src/host/real.ts';
import { createSession } from '../../../src/machine/session.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { askTcp } from '../../support/sockets.ts';
import { makeCa, makeLeaf, startEngine } from '../engine/tls-engine.ts';
import { withServer } from '../ssh/with-server.ts';

// A host with an SSH server and an engine, all on loopback. The "container" listens on an address of loopback that only
// the host is asked for, so that the same port is free at 127.0.0.1.
const containerAddress = '127.0.0.3';

test('ports --forward brings ports of a host here through SSH, and takes them away at the end', async (t) => {
  if (process.platform !== 'linux') {
    t.log('skipped: needs Linux, whose loopback has many addresses');
    t.pass();
    return;
  }
  await withServer(t, 'sshd', async (server) => {
    const storePath = await mkdtemp(join(tmpdir(), 'tsm-forward-'));
    const directory = join(storePath, 'machines', 'box');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, containerAddress, resolve));
    const { port } = echo.address() as AddressInfo;
    const ca = await makeCa();
    const client = await makeLeaf(ca, { purpose: 'client' });
    const ports = [{ IP: containerAddress, PrivatePort: 80, PublicPort: port, Type: 'tcp' }];
    const engine = await startEngine({
      clientCa: ca.certPem,
      server: await makeLeaf(ca, {}),
      answer: (request, response) => {
        if (request.url?.startsWith('/events') === true) {
          response.writeHead(200).flushHeaders();
        } else {
          response.end(JSON.stringify([{ Id: 'a', Names: ['/web'], Ports: ports }]));
        }
      },
    });
    const driver = {
      IPAddress: '127.0.0.1',
      SSHUser: server.user,
      SSHPort: server.port,
      SSHKeyPath: join(directory, 'id_rsa'),
      EnginePort: engine.port,
    };
    const record = newRecord({ storePath, name: 'box', driverName: 'generic', driver, engine: {} });
    const own = { schema: 1, phase: 'ready', created: '2026-01-02T03:04:05Z', driver: {}, options: {} };
    for (const [name, text] of Object.entries({
      'config.json': JSON.stringify(record),
      'tsmachine.json': JSON.stringify({ ...own, sshHostKey: server.hostKey.publicLine }),
      id_rsa: server.userKey.privatePem,
      'ca.pem': ca.certPem,
      'cert.pem': client.certPem,
      'key.pem': client.keyPem,
    })) {
      await writeFile(join(directory, name), text, { mode: 0o600 });
    }
    const abort = new AbortController();
    const session = createSession({
      host: createHost(),
      storePath,
      emit: () => undefined,
      signal: abort.signal,
    });
    try {
      t.like((await showPorts(session, 'box'))[0], { address: containerAddress, port, state: 'published' });
      let tell: (shown: readonly ShownPort[]) => void = () => undefined;
      const first = new Promise<readonly ShownPort[]>((resolve) => (tell = resolve));
      const forwarding = forwardPorts(session, 'box', (shown) => {
        tell(shown);
      });
      const [shown] = await Promise.race([first, forwarding.then((): never[] => [])]);
      t.like(shown, { container: 'web', address: '127.0.0.1', port, state: 'forwarded' });
      t.is(await askTcp('127.0.0.1', port, 'through SSH'), 'through SSH');
      abort.abort(new Error('interrupted'));
      await forwarding;
      t.is(await askTcp('127.0.0.1', port, 'x'), undefined);
    } finally {
      abort.abort(new Error('over'));
      await engine.close();
      await new Promise((resolve) => echo.close(resolve));
      await rm(storePath, { recursive: true });
    }
  });
});
