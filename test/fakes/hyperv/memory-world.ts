import { posix, win32 } from 'node:path';
import { createSocketPair, type FakeHost } from '../host.ts';
import { systemError } from '../memory-tree.ts';
import { decodeCall, FakeHyperV, type Call, type Outcome } from './fake-hyperv.ts';
import { emptyState, type State, type World } from './state.ts';

/** Hyper-V on a host in memory. */
export interface MemoryHyperV {
  readonly state: State;
  /** What the guest of a machine that is started says on its serial line. */
  lines: string[];
  /** What is known of the addresses of a machine that runs. */
  addresses: string[];
  seen: string[];
  /** The guest does not power off when it is asked. */
  ignoresRequest: boolean;
  /** What an SSH server says at the address of a machine. */
  greeting: string | undefined;
  /** Every operation, in order. */
  readonly calls: Call[];
  /** Called before every operation; an outcome stands in for what Hyper-V would do. */
  onCall: (call: Call) => Outcome | undefined;
  afterCall: (call: Call) => void;
}

/** Installs PowerShell with a Hyper-V that has no machines. */
export function installFakeHyperV(host: FakeHost): MemoryHyperV {
  const { files, network, processes } = host;
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  const alive = new Set<string>();
  let lastId = 0;
  const fake: MemoryHyperV = {
    state: emptyState(),
    lines: ['TS 1.20 init', 'TS 9.50 ready 172.20.0.9'],
    addresses: ['fe80::215:5dff:fe01:203', '172.20.0.9'],
    seen: [],
    ignoresRequest: false,
    greeting: undefined,
    calls: [],
    onCall: () => undefined,
    afterCall: () => undefined,
  };
  const world: World = {
    exists: async (path) => (await files.stat(path)) !== undefined,
    makeDirectory: async (path) => {
      files.putDirectory(path);
    },
    join: (directory, name) => paths.join(directory, name),
    newId: () => {
      lastId += 1;
      return `11111111-2222-4333-8444-${String(lastId).padStart(12, '0')}`;
    },
    start: async (machine) => {
      alive.add(machine.id);
      machine.addresses = fake.addresses;
      machine.seen = fake.seen;
    },
    isRunning: async ({ id }) => alive.has(id),
    control: async ({ id }, action) => {
      if (action === 'off' || (action === 'ask' && !fake.ignoresRequest)) {
        alive.delete(id);
      }
    },
  };
  processes.answer('powershell.exe', async ({ args }) => {
    const call = decodeCall(args);
    fake.calls.push(call);
    const answer = fake.onCall(call) ?? (await new FakeHyperV(fake.state, world).run(call));
    fake.afterCall(call);
    return answer;
  });
  network.onConnect = (address) => {
    const [near, far] = createSocketPair();
    if ('path' in address) {
      if (!fake.state.machines.some(({ id, pipe }) => pipe === address.path && alive.has(id))) {
        throw systemError('ENOENT', 'connect', address.path);
      }
      far.write(fake.lines.map((line) => `${line}\r\n`).join(''));
      return near;
    }
    if (fake.greeting === undefined) {
      throw systemError('ECONNREFUSED', 'connect', address.host);
    }
    far.write(fake.greeting);
    return near;
  };
  return fake;
}
