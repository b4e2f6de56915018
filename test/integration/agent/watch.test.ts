import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { watchEngine } from '../../../src/agent/watch.ts';
import type { RunningContainer } from '../../../src/engine/containers.ts';
import { createHost } from '../../../src/host/real.ts';
import { createSession, type Session } from '../../../src/machine/session.ts';
import { openMachine } from '../../../src/machine/open.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import type { CertifiedKey } from '../../../src/tls/types.ts';
import { makeCa, makeLeaf, startEngine, type FakeEngine } from '../engine/tls-engine.ts';

// An engine on loopback with mutual TLS, whose containers the test decides.

interface World {
  readonly session: Session;
  readonly engine: FakeEngine;
  readonly abort: AbortController;
  /** Streams of events that are open. */
  readonly streams: Set<ServerResponse>;
  containers: object[];
  /** Issues a client certificate and puts it into the machine's directory. */
  issueClient(ca?: CertifiedKey): Promise<void>;
  send(action: string): void;
}

async function worldOf(t: ExecutionContext): Promise<World> {
  const storePath = await mkdtemp(join(tmpdir(), 'tsm-agent-'));
  const ca = await makeCa();
  const streams = new Set<ServerResponse>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.startsWith('/events?') === true) {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      streams.add(response);
      response.once('close', () => streams.delete(response));
    } else {
      response.end(JSON.stringify(world.containers));
    }
  };
  const engine = await startEngine({ clientCa: ca.certPem, server: await makeLeaf(ca, {}), answer });
  const directory = join(storePath, 'machines', 'dev');
  const abort = new AbortController();
  const host = createHost();
  await host.files.makeDirectory(directory, 0o700);
  const record = newRecord({
    storePath,
    name: 'dev',
    driverName: 'none',
    driver: { URL: engine.url },
    engine: {},
  });
  await writeFile(join(directory, 'config.json'), JSON.stringify(record));
  const world: World = {
    session: createSession({ host, storePath, emit: () => undefined, signal: abort.signal }),
    engine,
    abort,
    streams,
    containers: [],
    issueClient: async (issuer = ca) => {
      const { certPem, keyPem } = await makeLeaf(issuer, { purpose: 'client' });
      await writeFile(join(directory, 'ca.pem'), ca.certPem);
      await writeFile(join(directory, 'cert.pem'), certPem);
      await writeFile(join(directory, 'key.pem'), keyPem);
    },
    send: (action) => {
      const event = { Type: 'container', Action: action, Actor: { ID: 'a' } };
      for (const stream of streams) {
        stream.write(`${JSON.stringify(event)}\n`);
      }
    },
  };
  await world.issueClient();
  t.teardown(async () => {
    abort.abort(new Error('over'));
    await engine.close();
    await rm(storePath, { recursive: true });
  });
  return world;
}

/** Watches, and hands out what is seen, one look after the other. */
async function watch(
  world: World,
): Promise<{ readonly ended: Promise<never>; readonly next: () => Promise<string[]> }> {
  const seen: string[][] = [];
  let wake: () => void = () => undefined;
  const onContainers = async (containers: readonly RunningContainer[]): Promise<void> => {
    seen.push(containers.flatMap(({ name, ports }) => [name, ...ports.map(({ port }) => String(port))]));
    wake();
  };
  const machine = await openMachine(world.session, 'dev');
  const ended = watchEngine(world.session, machine, {
    onConnect: () => undefined,
    hasJumped: () => false,
    onContainers,
  });
  ended.catch(() => undefined);
  return {
    ended,
    next: async () => {
      while (seen.length === 0) {
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      }
      return seen.shift() ?? [];
    },
  };
}

const web = {
  Id: 'a',
  Names: ['/web'],
  Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
};

test('containers are looked at when the stream begins, and again after every event', async (t) => {
  const world = await worldOf(t);
  const { next } = await watch(world);
  t.deepEqual(await next(), []);
  world.containers = [web];
  world.send('start');
  t.deepEqual(await next(), ['web', '8080']);
  world.containers = [];
  world.send('die');
  t.deepEqual(await next(), []);
});

test('the loss of the stream is an error; the next watch sees what has happened meanwhile', async (t) => {
  const world = await worldOf(t);
  const first = await watch(world);
  await first.next();
  world.containers = [web];
  for (const stream of world.streams) {
    stream.destroy();
  }
  await t.throwsAsync(first.ended);
  const second = await watch(world);
  t.deepEqual(await second.next(), ['web', '8080']);
});

test('an engine that ends the stream in order has ended it', async (t) => {
  const world = await worldOf(t);
  const { next, ended } = await watch(world);
  await next();
  for (const stream of world.streams) {
    stream.end();
  }
  await t.throwsAsync(ended, { message: /ended the stream/ });
});

test('certificates are read again at every connection', async (t) => {
  const world = await worldOf(t);
  await world.issueClient(await makeCa('mallory'));
  const refused = await watch(world);
  await t.throwsAsync(refused.ended);
  await world.issueClient();
  const accepted = await watch(world);
  t.deepEqual(await accepted.next(), []);
});

test('an interrupt ends it and closes its connections', async (t) => {
  const world = await worldOf(t);
  const { next, ended } = await watch(world);
  await next();
  const closed = Promise.all(
    [...world.streams].map(async (stream) => new Promise((resolve) => stream.once('close', resolve))),
  );
  world.abort.abort(new Error('interrupted'));
  await t.throwsAsync(ended);
  await closed;
  t.is(world.streams.size, 0);
});

test('one connection for the stream and one for all questions', async (t) => {
  const world = await worldOf(t);
  const { next } = await watch(world);
  await next();
  for (let times = 0; times < 5; times += 1) {
    world.send('start');
    await next();
  }
  t.is(world.engine.requests.filter((url) => url.startsWith('/events')).length, 1);
  t.is(world.engine.requests.filter((url) => url.startsWith('/containers/json?')).length, 6);
  t.true(world.engine.connectionCount() <= 2);
});
