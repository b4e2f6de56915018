import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { createByteSource } from '../../../../src/drivers/plugin/gob/byte-source.ts';
import { createGobDecoder } from '../../../../src/drivers/plugin/gob/decoder.ts';
import {
  GobError,
  gobInt,
  GobInterface,
  gobString,
  type GobValue,
} from '../../../../src/drivers/plugin/gob/types.ts';
import { fieldsOf } from '../../../../src/drivers/plugin/gob/values.ts';
import { flagsFromReply, flagValuesArgument, rawOptions } from '../../../../src/drivers/plugin/flags.ts';
import {
  CallTimeout,
  ConnectionError,
  openRpc,
  RemoteError,
  type RpcClient,
} from '../../../../src/drivers/plugin/rpc/client.ts';
import { serveRpc, type RpcServices } from '../../../../src/drivers/plugin/rpc/server.ts';
import { noArgument } from '../../../../src/drivers/plugin/connection.ts';
import { createFakeHost, createSocketPair } from '../../../fakes/host.ts';

const fixtures = path.join(import.meta.dirname, '../../../../../test/fixtures/goplugin');
/** Streams as `goplugin vectors` writes them. */
const vectors = JSON.parse(readFileSync(path.join(fixtures, 'vectors.json'), 'utf8')) as Record<
  string,
  string
>;
const connected = 'HTTP/1.0 200 Connected to Go RPC\n\n';
const anyTime = { timeoutMs: 1000 };

/** A client whose server says what was recorded, after `count` calls have arrived. */
async function replay(title: string): Promise<RpcClient> {
  const [ours, theirs] = createSocketPair();
  theirs.write(connected);
  const host = createFakeHost();
  host.clock.mode = 'manual';
  const client = await openRpc(ours, host.clock);
  setImmediate(() => theirs.write(Buffer.from(vectors[title] ?? '', 'hex')));
  return client;
}

async function serve(services: RpcServices): Promise<RpcClient> {
  const [ours, theirs] = createSocketPair();
  void serveRpc(theirs, services);
  const host = createFakeHost();
  host.clock.mode = 'manual';
  return openRpc(ours, host.clock);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function decodeAll(bytes: Uint8Array): Promise<GobValue[]> {
  const decoder = createGobDecoder(createByteSource(once(bytes)));
  const found: GobValue[] = [];
  for (let next = await decoder.next(); next !== undefined; next = await decoder.next()) {
    found.push(next.value);
  }
  return found;
}

test('recorded replies: version and flags of all kinds', async (t) => {
  const client = await replay('version, then flags');
  const version = client.call('RPCServerDriver.GetVersion', noArgument, anyTime);
  const reply = client.call('RPCServerDriver.GetCreateFlags', noArgument, anyTime);
  t.is(await version, 1);
  const flags = flagsFromReply(await reply, { CI_OPTIONS: 'x' }, () => t.fail());
  t.deepEqual(
    flags.map(({ definition }) => definition),
    [
      {
        name: 'ci-label',
        type: 'string',
        env: 'CI_LABEL',
        default: 'plain',
        help: 'Label, also with größe and 😀',
      },
      { name: 'ci-token', type: 'string', env: 'CI_TOKEN', secret: true, help: 'Secret' },
      { name: 'ci-memory', type: 'int', env: 'CI_MEMORY', default: 2 ** 40, help: 'Memory in MB' },
      { name: 'ci-offset', type: 'int', env: 'CI_OFFSET', default: -5, help: 'A number below zero' },
      { name: 'ci-opt', type: 'list', env: 'CI_OPTIONS', default: ['a', 'b'], help: 'Options' },
      { name: 'ci-extra', type: 'list', env: 'CI_EXTRA', help: 'No default' },
      { name: 'ci-empty', type: 'list', env: 'CI_EMPTY', help: 'An empty default' },
      { name: 'ci-fast', type: 'bool', env: 'CI_FAST', help: 'Fast' },
    ],
  );
});

test('recorded replies that come in another order find their calls', async (t) => {
  const client = await replay('replies out of order');
  const state = client.call('RPCServerDriver.GetState', noArgument, anyTime);
  const ip = client.call('RPCServerDriver.GetIP', noArgument, anyTime);
  t.is(await ip, '192.0.2.7');
  t.is(await state, 4);
});

test('a recorded error is its text, whole', async (t) => {
  const client = await replay('an error');
  await t.throwsAsync(client.call('RPCServerDriver.Create', noArgument, anyTime), {
    instanceOf: RemoteError,
    message: 'Panic in the driver: größe\nmain.go:1',
  });
});

for (const title of ['a flag of an unknown kind', 'nil among the flags']) {
  test(`${title} does not break the others`, async (t) => {
    const client = await replay(title);
    const unknown: string[] = [];
    const reply = await client.call('RPCServerDriver.GetCreateFlags', noArgument, anyTime);
    const flags = flagsFromReply(reply, {}, (kind) => unknown.push(kind));
    t.is(flags.length, 8);
    t.deepEqual(unknown, [title.startsWith('nil') ? 'nil' : '*mcnflag.OddFlag']);
  });
}

test('recorded values of flags are read, nil among them', async (t) => {
  const [head, argument] = await decodeAll(Buffer.from(vectors['values of flags with nil'] ?? '', 'hex'));
  t.is(fieldsOf(head)['ServiceMethod'], 'RPCServerDriver.SetConfigFromFlags');
  t.true(argument instanceof GobInterface && argument.name === '*rpcdriver.RPCFlags');
  const values = fieldsOf((argument as GobInterface).value)['Values'] as Map<string, GobInterface | null>;
  t.is(values.get('nothing'), null);
  t.deepEqual(values.get('list')?.value, ['a']);
});

test('every beginning of every recorded stream ends in whole values or an error', async (t) => {
  for (const [title, hex] of Object.entries(vectors)) {
    const bytes = Buffer.from(hex, 'hex');
    const whole = (await decodeAll(bytes)).length;
    for (let length = 0; length < bytes.length; length += 1) {
      try {
        t.true((await decodeAll(bytes.subarray(0, length))).length < whole, title);
      } catch (error) {
        t.true(error instanceof GobError, String(error));
      }
    }
  }
});

test('every flag is sent in exactly its type, the shared ones with them', async (t) => {
  const client = await replay('version, then flags');
  void client.call('RPCServerDriver.GetVersion', noArgument, anyTime);
  const reply = await client.call('RPCServerDriver.GetCreateFlags', noArgument, anyTime);
  const flags = flagsFromReply(reply, {}, () => undefined);
  const given = { 'ci-memory': 7, 'ci-opt': ['x'], 'ci-fast': true, 'ci-label': 'plain' };
  const { value } = flagValuesArgument(flags, given, { 'swarm-master': false, 'tls-san': ['n'] }, '*t');
  const values = fieldsOf((value as GobInterface).value)['Values'] as Map<string, GobInterface>;
  const plain = [...values].map(([name, { name: type, value: content }]) => [name, type, content]);
  t.deepEqual(plain, [
    ['swarm-master', 'bool', false],
    ['tls-san', '[]string', ['n']],
    ['ci-label', 'string', 'plain'],
    ['ci-token', 'string', ''],
    ['ci-memory', 'int', 7],
    ['ci-offset', 'int', -5],
    ['ci-opt', '[]string', ['x']],
    ['ci-extra', '[]string', []],
    ['ci-empty', '[]string', []],
    ['ci-fast', 'bool', true],
  ]);
});

test('client and server: calls side by side, errors, methods and services that are not there', async (t) => {
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const client = await serve({
    Service: {
      Slow: async () => {
        await held;
        return { type: gobString, value: 'slow' };
      },
      Quick: async (argument) => ({ type: gobInt, value: Number(argument) + 1 }),
      Fail: async () => {
        throw new Error('the words');
      },
    },
  });
  const slow = client.call('Service.Slow', noArgument, anyTime);
  t.is(await client.call('Service.Quick', { type: gobInt, value: 4 }, anyTime), 5);
  t.is(client.pendingCount, 1);
  letGo();
  t.is(await slow, 'slow');
  const errors: Readonly<Record<string, string>> = {
    'Service.Fail': 'the words',
    'Service.Nothing': "rpc: can't find method Service.Nothing",
    'Service.toString': "rpc: can't find method Service.toString",
    'Other.Quick': "rpc: can't find service Other.Quick",
    bad: 'rpc: service/method request ill-formed: bad',
  };
  for (const [method, message] of Object.entries(errors)) {
    await t.throwsAsync(client.call(method, noArgument, anyTime), { instanceOf: RemoteError, message });
  }
});

test('a call ends with its time, with an abort and with the connection', async (t) => {
  const never = { Service: { Never: async () => new Promise<never>(() => undefined) } };
  const [ours, theirs] = createSocketPair();
  void serveRpc(theirs, never);
  const { clock } = createFakeHost();
  clock.mode = 'manual';
  const client = await openRpc(ours, clock);
  const late = client.call('Service.Never', noArgument, { timeoutMs: 5000 });
  clock.advance(5000);
  await t.throwsAsync(late, {
    instanceOf: CallTimeout,
    message: 'Service.Never was not answered within 5 s',
  });
  const abort = new AbortController();
  const aborted = client.call('Service.Never', noArgument, { ...anyTime, signal: abort.signal });
  abort.abort(new Error('interrupted'));
  await t.throwsAsync(aborted, { message: 'interrupted' });
  const cut = client.call('Service.Never', noArgument, anyTime);
  theirs.end();
  await t.throwsAsync(cut, { instanceOf: ConnectionError });
  await t.throwsAsync(client.call('Service.Never', noArgument, anyTime), { instanceOf: ConnectionError });
});

test('something else than net/rpc is named', async (t) => {
  for (const answer of ['HTTP/1.1 404 Not Found\r\n\r\n', 'SSH-2.0-x\n\n', '']) {
    const [ours, theirs] = createSocketPair();
    theirs.end(answer);
    await t.throwsAsync(openRpc(ours, createFakeHost().clock), { instanceOf: ConnectionError });
  }
});

test('a reply that is no gob ends the connection with what is wrong', async (t) => {
  const [ours, theirs] = createSocketPair();
  theirs.write(`${connected}\u007fnonsense`);
  theirs.end();
  const { clock } = createFakeHost();
  clock.mode = 'manual';
  const client = await openRpc(ours, clock);
  await t.throwsAsync(client.call('A.B', noArgument, anyTime), { message: /no gob/ });
});

test('keys of the configuration come from the command line as JSON', (t) => {
  const values = { 'driver-opt-raw': ['Memory=2048', 'Network="a=b"', 'List=[1]'] };
  t.deepEqual(rawOptions(values, JSON.parse), { Memory: 2048, Network: 'a=b', List: [1] });
  for (const wrong of ['Memory', '=1', 'Memory=x']) {
    t.throws(() => rawOptions({ 'driver-opt-raw': [wrong] }, JSON.parse), { code: 'flag-invalid' });
  }
});
