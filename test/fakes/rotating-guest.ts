import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Driver, DriverStatus } from '../../src/drivers/driver.ts';
import type { OpenMachine } from '../../src/machine/open.ts';
import { guestFilePath } from '../../src/machine/guest-files.ts';
import type { SshConnection } from '../../src/ssh/types.ts';
import { createSocketPair, type FakeHost } from './host.ts';

/** A machine in memory that shows a certificate and takes another over SSH, as the image's renew-certificates does. */
export interface RotatingGuest {
  /** PEM of the server certificate that it shows at this moment. */
  shown: string;
  /** What it answers to the next certificates; taken over unless it refuses. */
  answer: { readonly exitCode: number; readonly stderr: string; readonly takes: boolean };
  /** What it was given, by name; one entry a call. */
  readonly received: Record<string, string>[];
  /** The command lines that it ran. */
  readonly commands: string[];
  /** How many SSH connections are open. */
  openConnections: number;
  readonly connect: () => Promise<SshConnection>;
}

/** Makes the guest, and the engine behind it answer on the host's network. */
export function createRotatingGuest(host: FakeHost, shown: string): RotatingGuest {
  const guest: RotatingGuest = {
    shown,
    answer: { exitCode: 0, stderr: '', takes: true },
    received: [],
    commands: [],
    openConnections: 0,
    connect: () => {
      guest.openConnections += 1;
      return Promise.resolve(connectionTo(guest));
    },
  };
  host.network.onConnect = () => {
    const [near, far] = createSocketPair();
    const certificate = guest.shown === '' ? undefined : new X509Certificate(guest.shown);
    far.on('data', () => far.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK'));
    const secured: Pick<TLSSocket, 'getPeerX509Certificate'> = { getPeerX509Certificate: () => certificate };
    return Object.assign(near, secured);
  };
  return guest;
}

function connectionTo(guest: RotatingGuest): SshConnection {
  const unused = (): never => {
    throw new Error('not part of this guest');
  };
  return {
    hostKey: '',
    closed: Promise.resolve(),
    start: unused,
    dial: unused,
    upload: unused,
    files: unused,
    exec: async (command, options = {}) => {
      const { answer } = guest;
      guest.commands.push(command);
      const files = unframe(typeof options.stdin === 'string' ? options.stdin : '');
      guest.received.push(files);
      if (answer.takes) {
        guest.shown = files['server.pem'] ?? '';
      }
      await options.onStderr?.(Buffer.from(answer.stderr));
      return { exitCode: answer.exitCode, signal: undefined };
    },
    close: () => {
      guest.openConnections -= 1;
      return Promise.resolve();
    },
  };
}

/** Reads what renew-certificates reads. @throws Error when it does not end as it should. */
function unframe(text: string): Record<string, string> {
  if (!text.endsWith('\nend\n')) {
    throw new Error('the certificates did not arrive whole');
  }
  const parts = text.slice(0, -'end\n'.length).split(/^file (.*)\n/m);
  const files: Record<string, string> = {};
  for (let index = 1; index < parts.length; index += 2) {
    files[parts[index] ?? ''] = parts[index + 1] ?? '';
  }
  return files;
}

/** The machine as if its driver booted our image and were in this state. */
export function asImageMachine(machine: OpenMachine, status: DriverStatus): OpenMachine {
  const { manifest } = machine.driver;
  const driver: Driver = {
    ...machine.driver,
    manifest: { ...manifest, capabilities: { ...manifest.capabilities, boots: 'image', ssh: true } },
    inspect: () => Promise.resolve(status),
  };
  return { ...machine, driver };
}

/** The server certificate that is handed over to this machine. */
export function handedOver(host: FakeHost, machine: OpenMachine): string {
  return host.files.text(guestFilePath(machine.directory, 'server.pem')) ?? '';
}
