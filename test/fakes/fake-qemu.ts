import type { Socket } from 'node:net';
import { createSocketPair, type FakeHost } from './host.ts';

/** What the pretended guest does. */
export interface FakeQemu {
  /** Lines on the console of the next start. */
  lines: string[];
  status: string;
  ignoresButton: boolean;
  /** QEMU processes that run now. */
  running(): number[];
}

const firstPid = 4001;

/**
 * Installs QEMU on a host in memory: qemu-img writes headers, qemu-system-* "runs" a process that
 * answers QMP on the sockets of its arguments and has written the lines to its console.
 */
export function installFakeQemu(host: FakeHost): FakeQemu {
  const fake: FakeQemu = {
    lines: ['TS 0.1 init', 'TS 0.2 ready'],
    status: 'running',
    ignoresButton: false,
    running: () => [...host.processes.running.keys()].filter((pid) => pid >= firstPid),
  };
  let name = '';
  const forwards = new Map<string, string>();
  const serve = ({ execute, arguments: given }: Request): unknown => {
    switch (execute) {
      case 'query-status':
        return { status: fake.status };
      case 'query-name':
        return { name };
      case 'human-monitor-command':
        return monitor(forwards, String(given?.['command-line']));
      case 'cont':
        fake.status = 'running';
        return {};
      case 'quit':
        end(host, fake);
        return {};
      case 'system_powerdown':
        if (!fake.ignoresButton) {
          end(host, fake);
        }
        return {};
      default:
        return {};
    }
  };
  const program = ({ args }: { readonly args: readonly string[] }): { readonly stdout: string } => {
    if (args.includes('--version')) {
      return { stdout: 'QEMU emulator version 9.2.0\n' };
    }
    forwards.clear();
    name = /guest=([^,]*)/.exec(args[args.indexOf('-name') + 1] ?? '')?.[1] ?? '';
    const console = args
      .find((arg) => arg.startsWith('file,id=serial0,path='))
      ?.slice('file,id=serial0,path='.length);
    host.files.put(console ?? '/console', fake.lines.map((line) => `${line}\r\n`).join(''));
    fake.status = 'running';
    return { stdout: '' };
  };
  for (const architecture of ['x86_64', 'aarch64']) {
    host.processes.answer(`qemu-system-${architecture}`, program);
  }
  host.processes.answer('qemu-img', ({ args }) => {
    host.files.put(args[0] === 'convert' ? (args.at(-1) ?? '') : (args.at(-2) ?? ''), qcow2Header(), 0o600);
    return {};
  });
  const refuse = host.network.onConnect;
  host.network.onConnect = (address) =>
    fake.running().length > 0 && 'path' in address ? answering(serve) : refuse(address);
  return fake;
}

interface Request {
  readonly execute: string;
  readonly id: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** Answer of the monitor to `info usernet`. */
export const usernet = [
  'Hub -1 (net0):',
  '  TCP[HOST_FORWARD]   8       127.0.0.1 40022       10.0.2.15    22     0     0',
  '  TCP[HOST_FORWARD]   3       127.0.0.1 42376       10.0.2.15  2376     0     0',
  '',
].join('\r\n');

/** The monitor's lines on forwards, with the texts of QEMU 7.2. */
export function monitor(forwards: Map<string, string>, line: string): string {
  const [, verb, protocol = '', address = '', port = '', guestPort = ''] =
    /^hostfwd_(add|remove) net0 (tcp|udp):([^:]*):(\d+)(?:-:(\d+))?$/.exec(line) ?? [];
  const key = `${protocol}:${address}:${port}`;
  if (verb === 'add') {
    const row = `  ${protocol.toUpperCase()}[HOST_FORWARD]   9 ${address} ${port}  10.0.2.15 ${guestPort}     0     0\r\n`;
    const isTaken = forwards.has(key);
    forwards.set(key, forwards.get(key) ?? row);
    return isTaken ? `Could not set up host forwarding rule '${key}-:${guestPort}'\r\n` : '';
  }
  if (verb === 'remove') {
    return `host forwarding rule for ${key} ${forwards.delete(key) ? 'removed' : 'not found'}\r\n`;
  }
  return line === 'info usernet' ? usernet + [...forwards.values()].join('') : '';
}

function answering(serve: (request: Request) => unknown): Socket {
  const [near, far] = createSocketPair();
  far.setEncoding('utf8');
  far.on('data', (line: string) => {
    const request = JSON.parse(line) as Request;
    far.write(`${JSON.stringify({ return: serve(request), id: request.id })}\r\n`);
  });
  far.write('{"QMP": {}}\r\n');
  return near;
}

function end(host: FakeHost, fake: FakeQemu): void {
  for (const pid of fake.running()) {
    host.processes.running.delete(pid);
  }
}

/** Version 3, 64 TiB, so that no start wants to enlarge it. */
function qcow2Header(): Uint8Array {
  const header = new Uint8Array(104);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x514649fb);
  view.setUint32(4, 3);
  view.setBigUint64(24, 2n ** 46n);
  return header;
}
