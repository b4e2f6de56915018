import { createSocketPair, type FakeHost } from '../host.ts';
import { parseVfkit, type VfkitMachine } from './grammar.ts';

/** vfkit on a host in memory, with one machine at most. */
export interface MemoryVfkit {
  /** Lines on the console of the next start. */
  lines: string[];
  ignoresButton: boolean;
  /** What a start prints before it ends at once. */
  startFault: string | undefined;
  state: string;
  /** The command line of the start that was last. */
  machine: VfkitMachine | undefined;
}

const firstPid = 4001;

/** Installs vfkit: its machine is a process that answers on its socket. */
export function installMemoryVfkit(host: FakeHost): MemoryVfkit {
  const fake: MemoryVfkit = {
    lines: ['TS 0.1 init', 'TS 0.2 ready 192.168.64.5'],
    ignoresButton: false,
    startFault: undefined,
    state: 'VirtualMachineStateRunning',
    machine: undefined,
  };
  const { running } = host.processes;
  const pids = (): number[] => [...running.keys()].filter((pid) => pid >= firstPid);
  const end = (): void => {
    for (const pid of pids()) {
      running.delete(pid);
    }
  };
  host.processes.answer('vfkit', async ({ args, options, pid }) => {
    if (args[0] === '--version') {
      return { stdout: 'vfkit version: v0.6.1\n' };
    }
    fake.machine = parseVfkit(args);
    if (fake.startFault !== undefined) {
      host.files.put(options.logPath ?? '/log', `${fake.startFault}\n`);
      // It ends as soon as it runs.
      setImmediate(() => running.delete(pid ?? 0));
      return {};
    }
    fake.state = 'VirtualMachineStateRunning';
    host.files.put(fake.machine.consoleLog, fake.lines.map((line) => `${line}\r\n`).join(''));
    return {};
  });
  const refuse = host.network.onConnect;
  host.network.onConnect = (address) => {
    if (!('path' in address) || pids().length === 0 || address.path !== fake.machine?.socket) {
      return refuse(address);
    }
    const [near, far] = createSocketPair();
    far.setEncoding('utf8');
    far.once('data', (request: string) => {
      const wanted = /"state":"(\w+)"/.exec(request)?.[1];
      if (wanted === 'HardStop' || (wanted === 'Stop' && !fake.ignoresButton)) {
        end();
      } else if (wanted === 'Resume') {
        fake.state = 'VirtualMachineStateRunning';
      }
      const body = JSON.stringify({ state: fake.state, canStop: true });
      far.end(`HTTP/1.0 ${wanted === undefined ? '200 OK' : '202 Accepted'}\r\n\r\n${body}`);
    });
    return near;
  };
  return fake;
}
