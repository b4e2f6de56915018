import type { Socket } from 'node:net';
import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { connectQmp, QmpClient, type QmpEvent } from '../../../src/drivers/qemu/qmp.ts';
import { createFakeHost, createSocketPair, type FakeClock } from '../../fakes/host.ts';
import { recordedConversation, sampleVersions, type RecordedLine } from '../../fakes/qemu-samples.ts';

const greeting = '{"QMP": {"version": {}, "capabilities": ["oob"]}}\r\n';

type Request = Readonly<{ execute: string; id: string; arguments?: unknown }>;

function manualClock(): FakeClock {
  const { clock } = createFakeHost();
  clock.mode = 'manual';
  return clock;
}

/** A QEMU of the test's making: calls back with each request. */
function serve(socket: Socket, answer: (request: Request, write: (line: unknown) => void) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (text: string) => {
    const lines = (rest + text).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      answer(JSON.parse(line) as Request, (value) => socket.write(`${JSON.stringify(value)}\r\n`));
    }
  });
}

/** A client that has negotiated, with a server that answers everything after that by `answer`. */
async function negotiated(
  answer: (request: Request, write: (line: unknown) => void) => void,
  clock = manualClock(),
): Promise<{ client: QmpClient; server: Socket; clock: FakeClock }> {
  const [near, server] = createSocketPair();
  serve(server, (request, write) => {
    if (request.execute === 'qmp_capabilities') {
      write({ return: {}, id: request.id });
    } else {
      answer(request, write);
    }
  });
  const client = new QmpClient(near, clock);
  server.write(greeting);
  await client.negotiate({ timeoutMs: 1000 });
  return { client, server, clock };
}

/** The lines that QEMU wrote after a request, up to the next one. */
function repliesAfter(lines: readonly RecordedLine[], index: number): readonly RecordedLine[] {
  const next = lines.findIndex((line, at) => at > index && line.recv === undefined);
  return lines.slice(index + 1, next < 0 ? undefined : next);
}

for (const version of ['7.2.22-debian', '11.1.3-debian']) {
  test(`every answer of a recorded conversation with QEMU ${version} arrives as it was given`, async (t) => {
    const lines = recordedConversation(version, 'qmp-commands');
    if (!sampleVersions.includes(version) || lines.length === 0) {
      t.log(`skipped: needs the recorded samples of QEMU ${version}`);
      t.pass();
      return;
    }
    const start = lines.findIndex((line) => line.send?.execute === 'qmp_capabilities');
    const indexes = lines.flatMap((line, index) => (line.send !== undefined && index > start ? [index] : []));
    let position = 0;
    const { client, server } = await negotiated((request) => {
      const index = indexes[position++] ?? -1;
      const replies = repliesAfter(lines, index).map(({ recv }) =>
        JSON.stringify(recv !== undefined && 'id' in recv ? { ...recv, id: request.id } : recv),
      );
      // In small pieces, as a socket may deliver it.
      for (const piece of replies
        .map((reply) => `${reply}\r\n`)
        .join('')
        .match(/[^]{1,7}/g) ?? []) {
        server.write(piece);
      }
    });
    const events: QmpEvent[] = [];
    client.onEvent((event) => events.push(event));
    for (const index of indexes) {
      const { send } = lines[index] ?? {};
      const expected = repliesAfter(lines, index).find(
        ({ recv }) => recv !== undefined && 'id' in recv,
      )?.recv;
      const run = client.execute(send?.execute ?? '', send?.arguments);
      if (expected !== undefined && 'error' in expected) {
        const error = await t.throwsAsync(run);
        t.true(
          isMachineError(error) &&
            error.facts['description'] === (expected['error'] as { desc: string }).desc,
        );
      } else {
        t.deepEqual(await run, expected?.['return']);
      }
    }
    t.is(events.map((event) => event.name).join(), 'RESUME,STOP,POWERDOWN,SHUTDOWN');
    t.deepEqual(events.at(-1)?.data, { guest: false, reason: 'host-qmp-quit' });
  });
}

test('answers find their command also out of order, and events in between do no harm', async (t) => {
  const held: Request[] = [];
  const { client } = await negotiated((request, write) => {
    held.push(request);
    if (held.length === 2) {
      write({ event: 'STOP', timestamp: {} });
      for (const { id, execute } of held.reverse()) {
        write({ return: execute, id });
      }
    }
  });
  t.deepEqual(await Promise.all([client.execute('first'), client.execute('second')]), ['first', 'second']);
});

test('an event before the greeting and an answer without an id are passed over', async (t) => {
  const [near, server] = createSocketPair();
  serve(server, ({ id }, write) => {
    write({ error: { class: 'GenericError', desc: 'JSON parse error' } });
    write({ return: {}, id });
  });
  const client = new QmpClient(near, manualClock());
  server.write(`{"event": "RESET", "timestamp": {}}\r\n${greeting}`);
  await client.negotiate({ timeoutMs: 1000 });
  t.deepEqual(await client.execute('query-status'), {});
});

test('no answer ends in a time-out, and the connection can still be used', async (t) => {
  const { client, clock } = await negotiated(({ execute, id }, write) => {
    if (execute !== 'silent') {
      write({ return: 1, id });
    }
  });
  const waiting = client.execute('silent', undefined, { timeoutMs: 300 });
  clock.advance(301);
  const error = await t.throwsAsync(waiting, { message: 'QEMU did not answer "silent" within 0.3 s.' });
  t.true(isMachineError(error) && error.code === 'vm-control-failed');
  t.is(await client.execute('other'), 1);
});

test('a listener that does not greet ends in a time-out, and is left', async (t) => {
  const host = createFakeHost();
  host.clock.mode = 'manual';
  const [near] = createSocketPair();
  host.network.onConnect = () => near;
  const connecting = connectQmp(host, '/m/qmp.sock', { timeoutMs: 500 });
  const failed = t.throwsAsync(connecting, { message: /did not greet within 0\.5 s/ });
  await new Promise((resolve) => setImmediate(resolve));
  host.clock.advance(501);
  await failed;
  t.true(near.destroyed);
});

test('the end of QEMU ends every wait', async (t) => {
  const { client, server } = await negotiated(() => undefined);
  const waiting = [client.execute('a'), client.execute('b')];
  const failed = Promise.all(waiting.map(async (wait) => t.throwsAsync(wait)));
  server.end();
  server.destroy();
  client.close();
  for (const error of await failed) {
    t.true(isMachineError(error) && error.facts['connectionLost'] === true);
  }
  await client.closed;
  await t.throwsAsync(client.execute('c'), { message: /no answer to "c"/ });
  await t.throwsAsync(client.negotiate({ timeoutMs: 10 }), { name: 'MachineError' });
});

test('an abort ends the wait with its reason', async (t) => {
  const { client } = await negotiated(() => undefined);
  const abort = new AbortController();
  const waiting = client.execute('a', undefined, { signal: abort.signal });
  abort.abort(new Error('interrupted'));
  await t.throwsAsync(waiting, { message: 'interrupted' });
});

test('something that is not QMP is left at once', async (t) => {
  for (const line of ['220 mail.example ESMTP\r\n', '[1,\r\n', '"QMP"\r\n']) {
    const [near, server] = createSocketPair();
    const client = new QmpClient(near, manualClock());
    const failed = t.throwsAsync(client.negotiate({ timeoutMs: 1000 }), { name: 'MachineError' });
    server.write(line);
    await failed;
    t.true(client.isClosed, line);
  }
});

test('a message without end does not fill the memory', async (t) => {
  const { client, server } = await negotiated(() => undefined);
  for (let count = 0; count < 10 && !client.isClosed; count += 1) {
    server.write('x'.repeat(1024 * 1024));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.closed;
  t.true(client.isClosed);
});

test('the human monitor: its text is returned as it is', async (t) => {
  const { client } = await negotiated((request, write) => {
    write({ return: JSON.stringify(request.arguments), id: request.id });
  });
  t.is(await client.monitor('info usernet'), '{"command-line":"info usernet"}');
});
