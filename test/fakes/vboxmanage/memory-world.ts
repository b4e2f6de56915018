import type { FakeHost } from '../host.ts';
import { FakeVirtualBox } from './fake-virtualbox.ts';
import { profiles, type ProfileName } from './profile.ts';
import { emptyState, type Machine, type State, type World } from './state.ts';

/** A VirtualBox on a host in memory. */
export interface MemoryVirtualBox {
  readonly state: State;
  /** What a guest writes to its console when it is started. */
  lines: string[];
  ignoresButton: boolean;
  /** What `startvm` fails with; undefined: it works. */
  startFault: string | undefined;
  /** What a start writes to VBox.log. */
  log: string;
  /** After a call had its effect, before its answer is known. */
  afterCall: (args: readonly string[]) => void;
  /** Before a call is answered; what is returned is the answer. */
  onCall: (args: readonly string[]) => { stdout?: string; stderr?: string; exitCode?: number } | undefined;
}

/** Installs VBoxManage on a host in memory: guests are lines on a console, ports are entries of the fake network. */
export function installFakeVirtualBox(host: FakeHost, profileName: ProfileName): MemoryVirtualBox {
  const profile = profiles[profileName];
  const fake: MemoryVirtualBox = {
    state: emptyState(),
    lines: ['TS 0.1 init', 'TS 0.2 ready 10.0.2.15'],
    ignoresButton: false,
    startFault: undefined,
    log: '',
    afterCall: () => undefined,
    onCall: () => undefined,
  };
  const running = new Set<string>();
  const { files, network } = host;
  const isWindows = host.facts.platform === 'win32';
  const local = (path: string): string => (isWindows ? path.replaceAll('/', '\\') : path);
  let serial = 0;
  const portsOf = (machine: Machine): number[] =>
    machine.forwardings.map(({ rule }) => Number(rule.split(',')[3]));
  const end = (machine: Machine): void => {
    running.delete(machine.uuid);
    for (const port of portsOf(machine)) {
      network.takenPorts.delete(port);
    }
  };
  const world: World = {
    exists: async (path) => (await files.stat(local(path))) !== undefined,
    write: async (path, text) => {
      files.put(local(path), text);
    },
    remove: (path) => files.remove(local(path)),
    makeDisk: async (path) => {
      files.put(local(path), 'disk');
    },
    sizeBytes: async (path) => (await files.stat(local(path)))?.sizeBytes ?? 0,
    resizeDisk: async () => undefined,
    newUuid: () => {
      serial += 1;
      return `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
    },
    start: async (machine) => {
      files.put(local(`${machine.folder}/Logs/VBox.log`), fake.log);
      if (fake.startFault !== undefined) {
        throw new Error(fake.startFault);
      }
      const console = (machine.settings['uart-mode1'] ?? '').split(',')[1] ?? '/console';
      files.put(console, fake.lines.map((line) => `${line}\r\n`).join(''));
      for (const port of portsOf(machine)) {
        network.takenPorts.add(port);
      }
      running.add(machine.uuid);
    },
    isRunning: async (machine) => running.has(machine.uuid),
    forward: async (action, _machine, rule) => {
      const port = Number(rule.split(',')[3]);
      if (action === 'add') {
        network.takenPorts.add(port);
      } else {
        network.takenPorts.delete(port);
      }
    },
    control: async (machine, action) => {
      if (action === 'off' || (action === 'button' && !fake.ignoresButton)) {
        end(machine);
      }
    },
  };
  host.processes.answer('VBoxManage', async ({ args }) => {
    const answer = fake.onCall(args) ?? (await new FakeVirtualBox(profile, fake.state, world).run(args));
    fake.afterCall(args);
    return answer;
  });
  let lastPort = 40_000;
  network.listen = async () => {
    lastPort += 1;
    return { port: lastPort, close: async () => undefined };
  };
  return fake;
}
