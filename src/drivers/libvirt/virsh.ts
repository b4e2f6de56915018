import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { knownFault } from './failures.ts';
import { parseFault } from './output.ts';

/** What a call left behind; `fault` when it did not do what it was asked for. */
export interface Answer {
  readonly stdout: string;
  /** What virsh says, or that it said nothing. */
  readonly fault?: string;
}

/** virsh with a connection to libvirt. */
export interface Virsh {
  readonly program: string;
  /** Runs one command; a fault is an answer. @throws MachineError `program-failed` (time-out), `program-missing`. */
  ask(args: readonly string[]): Promise<Answer>;
  /** Runs one command that has to succeed. @throws MachineError `vm-control-failed`, `host-not-ready`. */
  run(args: readonly string[]): Promise<string>;
}

/** A call takes 20 to 100 ms; the first one starts libvirt's daemon, which looks at every QEMU that is installed. */
const timeoutMs = 120_000;

/** @throws MachineError `program-missing`. */
export async function openVirsh(host: Host, uri: string, signal: AbortSignal): Promise<Virsh> {
  const program = await host.processes.find('virsh');
  if (program === undefined) {
    throw missingError();
  }
  return connect({ host, program, uri, signal });
}

/** The same for a program whose place is known. */
export function connect(options: {
  readonly host: Host;
  readonly program: string;
  readonly uri: string;
  readonly signal: AbortSignal;
}): Virsh {
  const { host, program, uri, signal } = options;
  const ask = async (args: readonly string[]): Promise<Answer> => {
    const { exitCode, stdout, stderr } = await host.processes.run(program, ['-c', uri, ...args], {
      timeoutMs,
      signal,
      env: { LC_ALL: 'C' },
      acceptExitCodes: 'any',
    });
    if (exitCode === 0) {
      return { stdout };
    }
    return { stdout, fault: parseFault(stderr) || `virsh ended with exit code ${exitCode}.` };
  };
  return {
    program,
    ask,
    run: async (args) => {
      const { stdout, fault } = await ask(args);
      if (fault !== undefined) {
        throw faultError(args, fault);
      }
      return stdout;
    },
  };
}

/** The error for a command that libvirt refused. */
export function faultError(args: readonly string[], fault: string): MachineError {
  return (
    knownFault(fault) ??
    new MachineError('vm-control-failed', `libvirt refused "${(args[0] ?? '').split(' ')[0] ?? ''}".`, {
      why: fault,
    })
  );
}

/** The error for a computer without libvirt's command line. */
export function missingError(): MachineError {
  return new MachineError('program-missing', 'virsh was not found.', {
    remedies: [installHint],
    facts: { program: 'virsh' },
  });
}

/** How to get what this driver needs. */
export const installHint =
  'Install libvirt, on Debian and Ubuntu: sudo apt install libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu qemu-system-x86';
