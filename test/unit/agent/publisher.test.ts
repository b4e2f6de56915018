import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { Publisher, type PortState, type Ways } from '../../../src/agent/publisher.ts';
import type { WantedPort } from '../../../src/agent/wanted.ts';
import type { PortForward } from '../../../src/drivers/driver.ts';
import { createFakeHost, createSocketPair, type FakeHost } from '../../fakes/host.ts';

interface Scene {
  readonly host: FakeHost;
  readonly publisher: Publisher;
  /** What the hypervisor forwards. */
  readonly forwards: PortForward[];
  /** Ports of this computer that the hypervisor cannot have. */
  readonly refused: Set<number>;
  opened: number;
  loopbackError: Error | undefined;
}

function sceneOf(
  ways: {
    readonly hypervisor?: false;
    readonly dial?: false;
    readonly datagramAddress?: string;
    readonly directAddress?: string;
  } = {},
): Scene {
  const host = createFakeHost();
  const forwards: PortForward[] = [];
  const refused = new Set<number>();
  const hypervisor: NonNullable<Ways['hypervisor']> = {
    list: async () => [...forwards],
    change: async ({ remove, add }) => {
      for (const forward of remove) {
        const index = forwards.findIndex((each) => JSON.stringify(each) === JSON.stringify(forward));
        forwards.splice(index, index === -1 ? 0 : 1);
      }
      const failed = add.filter(({ hostPort }) => refused.has(hostPort));
      forwards.push(...add.filter((each) => !failed.includes(each)));
      return failed.map((forward) => ({ forward, detail: 'Could not set up' }));
    },
    openLoopback: async () => {
      scene.opened += 1;
      if (scene.loopbackError !== undefined) {
        throw scene.loopbackError;
      }
    },
  };
  const publisher = new Publisher(host, {
    ...(ways.hypervisor === false ? {} : { hypervisor }),
    ...(ways.dial === false ? {} : { dial: async () => new PassThrough() }),
    ...(ways.directAddress === undefined ? {} : { directAddress: ways.directAddress }),
    ...(ways.datagramAddress === undefined ? {} : { datagramAddress: ways.datagramAddress }),
  });
  const scene: Scene = { host, publisher, forwards, refused, opened: 0, loopbackError: undefined };
  return scene;
}

function port(number: number, more: Partial<WantedPort> = {}): WantedPort {
  return {
    protocol: 'tcp',
    port: number,
    address: '127.0.0.1',
    guestAddress: 'any',
    container: 'web',
    containerPort: 80,
    ...more,
  };
}

async function apply({ publisher }: Scene, ...wanted: WantedPort[]): Promise<readonly PortState[]> {
  return publisher.apply({ wanted, clashes: [] });
}

const brief = (states: readonly PortState[]): unknown[] =>
  states.map(({ port: number, state, reason }) => [number, state, ...(reason === undefined ? [] : [reason])]);

test('the hypervisor forwards, and this process takes the address of IPv6', async (t) => {
  const scene = sceneOf();
  const web = port(80, { twin: '::1' });
  t.deepEqual(brief(await apply(scene, web, port(53, { protocol: 'udp', twin: '::1' }))), [
    [80, 'forwarded'],
    [53, 'forwarded'],
  ]);
  t.deepEqual(
    scene.forwards.map(({ protocol, hostPort }) => [protocol, hostPort]),
    [
      ['tcp', 80],
      ['udp', 53],
    ],
  );
  t.deepEqual([...scene.host.network.listening], ['tcp ::1:80', 'udp ::1:53']);
  t.is(scene.opened, 0, 'nothing is done to the guest without need');
  await apply(scene, web);
  t.deepEqual([...scene.host.network.listening], ['tcp ::1:80']);
  await apply(scene);
  t.deepEqual([scene.forwards.length, scene.host.network.listening.size], [0, 0]);
});

test('what is there already is left alone, as after the death of another agent; what is not wanted goes', async (t) => {
  const scene = sceneOf();
  const kept: PortForward = { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 80, guestPort: 80 };
  scene.forwards.push(kept, { ...kept, hostPort: 81, guestPort: 81 });
  await apply(scene, port(80));
  t.is(scene.forwards.length, 1);
  t.is(scene.forwards[0], kept);
});

test('a port that cannot be had is a conflict, and so long its address of IPv6 leads nowhere', async (t) => {
  const scene = sceneOf();
  scene.refused.add(80);
  scene.host.network.takenPorts.add(80);
  t.deepEqual(brief(await apply(scene, port(80, { twin: '::1' }), port(81))), [
    [80, 'conflict', 'another program on this computer has port 80'],
    [81, 'forwarded'],
  ]);
  t.is(scene.host.network.listening.size, 0, 'localhost must not lead to the other program');
  scene.refused.clear();
  scene.host.network.takenPorts.clear();
  t.deepEqual(brief(await apply(scene, port(80, { twin: '::1' }), port(81))), [
    [80, 'forwarded'],
    [81, 'forwarded'],
  ]);
});

test('what the system says of a port is said in words', async (t) => {
  for (const [code, number, reason] of [
    ['EACCES', 80, 'this computer lets only administrators take ports below 1024'],
    ['EACCES', 8080, 'this computer does not let port 8080 be taken'],
    ['EIO', 80, 'Could not set up'],
  ] as const) {
    const scene = sceneOf();
    scene.refused.add(number);
    scene.host.network.listenAt = async () => {
      throw Object.assign(new Error(code), { code });
    };
    t.deepEqual(brief(await apply(scene, port(number))), [[number, 'conflict', reason]]);
  }
});

test('an address of IPv6 that this computer does not have is not missed; one that is taken is told', async (t) => {
  const scene = sceneOf();
  scene.host.network.listenAt = async ({ port: number }) => {
    throw Object.assign(new Error('no'), { code: number === 80 ? 'EADDRNOTAVAIL' : 'EADDRINUSE' });
  };
  t.deepEqual(brief(await apply(scene, port(80, { twin: '::1' }), port(81, { twin: '::1' }))), [
    [80, 'forwarded'],
    [81, 'forwarded', 'not on ::1: another program on this computer has port 81'],
  ]);
});

test('a port on the loopback address of the guest: the guest is prepared once, and again when asked to', async (t) => {
  const scene = sceneOf();
  const inner = port(80, { guestAddress: '127.0.0.1' });
  t.deepEqual(brief(await apply(scene, inner, port(81))), [
    [80, 'forwarded'],
    [81, 'forwarded'],
  ]);
  await apply(scene, inner, port(82, { guestAddress: '127.0.0.1' }));
  t.is(scene.opened, 1);
  scene.publisher.renew();
  await apply(scene, inner);
  t.is(scene.opened, 2);
});

test('a guest that cannot be prepared: the port is told as not reachable, others are forwarded', async (t) => {
  const scene = sceneOf();
  scene.loopbackError = new Error('no sudo');
  const inner = port(80, { guestAddress: '127.0.0.1' });
  t.deepEqual(brief(await apply(scene, inner, port(81))), [
    [80, 'unreachable', 'it is on the loopback address of the machine: no sudo'],
    [81, 'forwarded'],
  ]);
  scene.loopbackError = undefined;
  t.deepEqual(brief(await apply(scene, inner)), [[80, 'forwarded']]);
});

test('what the hypervisor cannot reach goes through SSH, datagrams nowhere', async (t) => {
  const scene = sceneOf();
  const states = await apply(
    scene,
    port(80, { guestAddress: '::1', twin: '::1' }),
    port(81, { guestAddress: '10.0.2.15' }),
    port(82, { guestAddress: '10.0.2.15', protocol: 'udp' }),
    port(83, { address: '::', guestAddress: '::1' }),
  );
  t.deepEqual(brief(states), [
    [80, 'forwarded'],
    [81, 'forwarded'],
    [82, 'unreachable', 'nothing carries datagrams to 10.0.2.15 of the machine'],
    [83, 'forwarded'],
  ]);
  t.deepEqual(scene.forwards, []);
  t.deepEqual([...scene.host.network.listening].sort(), [
    'tcp 127.0.0.1:80',
    'tcp 127.0.0.1:81',
    'tcp ::1:80',
    'tcp :::83',
  ]);
});

test('a machine with an address in a network of this computer: straight for all but its loopback', async (t) => {
  const scene = sceneOf({ hypervisor: false, directAddress: '172.20.0.9' });
  const { network } = scene.host;
  const accept: ((socket: Socket) => void)[] = [];
  const listenAt = network.listenAt.bind(network);
  network.listenAt = async (address, onConnection) => {
    accept.push(onConnection);
    return listenAt(address, onConnection);
  };
  const states = await apply(
    scene,
    port(80),
    port(81, { protocol: 'udp' }),
    port(82, { guestAddress: '127.0.0.1' }),
    port(83, { guestAddress: '127.0.0.1', protocol: 'udp' }),
  );
  t.deepEqual(
    states.map(({ state }) => state),
    ['forwarded', 'forwarded', 'forwarded', 'unreachable'],
  );
  network.onConnect = () => createSocketPair()[0];
  for (const onConnection of accept) {
    onConnection(createSocketPair()[0]);
  }
  t.deepEqual(
    network.connections,
    ['172.20.0.9:80'],
    'what is on the loopback of the guest goes through SSH',
  );
});

test('without a hypervisor: SSH for TCP, straight for datagrams, and a conflict is one', async (t) => {
  const scene = sceneOf({ hypervisor: false, datagramAddress: '192.0.2.7' });
  scene.host.network.takenPorts.add(81);
  const states = await apply(scene, port(80), port(81), port(82, { protocol: 'udp' }));
  t.deepEqual(brief(states), [
    [80, 'forwarded'],
    [81, 'conflict', 'another program on this computer has port 81'],
    [82, 'forwarded'],
  ]);
  await scene.publisher.close();
  t.is(scene.host.network.listening.size, 0);
});

test('without any way nothing is forwarded', async (t) => {
  const scene = sceneOf({ hypervisor: false, dial: false });
  t.deepEqual(brief(await apply(scene, port(80))), [
    [80, 'unreachable', 'nothing leads to any of the machine'],
  ]);
});

test('of two containers that want one port the second is told of the first', async (t) => {
  const { publisher } = sceneOf();
  const states = await publisher.apply({
    wanted: [port(80)],
    clashes: [{ port: port(80, { container: 'other' }), holder: 'web' }],
  });
  t.deepEqual(brief(states), [
    [80, 'forwarded'],
    [80, 'conflict', 'the container "web" has this port already'],
  ]);
});

test('the end takes every forward away', async (t) => {
  const scene = sceneOf();
  await apply(scene, port(80, { twin: '::1' }), port(81, { guestAddress: '::1' }));
  await scene.publisher.close();
  t.deepEqual([scene.forwards.length, scene.host.network.listening.size], [0, 0]);
});
