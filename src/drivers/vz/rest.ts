import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { PowerState } from '../driver.ts';

/** What vfkit is asked to do with its machine. */
export type VzCommand = 'Stop' | 'HardStop' | 'Pause' | 'Resume';

const timeoutMs = 5_000;
const answerBytesMax = 64 * 1024;

/** States of Apple's framework (VZVirtualMachineState), as vfkit names them, and what they mean for a user. */
const powerStates: Readonly<Record<string, PowerState>> = {
  VirtualMachineStateRunning: 'running',
  VirtualMachineStateStopped: 'stopped',
  VirtualMachineStatePaused: 'paused',
  VirtualMachineStatePausing: 'paused',
  VirtualMachineStateStarting: 'starting',
  VirtualMachineStateResuming: 'starting',
  VirtualMachineStateRestoring: 'starting',
  VirtualMachineStateStopping: 'stopping',
  VirtualMachineStateSaving: 'stopping',
  VirtualMachineStateError: 'error',
};

/** A state that is not known counts as an error. */
export function powerOf(state: string): PowerState {
  return Object.hasOwn(powerStates, state) ? (powerStates[state] ?? 'error') : 'error';
}

/**
 * The state of the machine, in vfkit's words.
 * @throws the system's error when nobody listens; MachineError `vm-control-failed`.
 */
export async function askState(host: Host, socketPath: string, signal: AbortSignal): Promise<string> {
  const body = await exchange(host, { socketPath, signal, request: 'GET /vm/state' });
  const state = stateIn(body);
  if (state === undefined) {
    throw new MachineError('vm-control-failed', 'vfkit does not tell the state of the machine.', {
      why: body.slice(0, 300),
    });
  }
  return state;
}

/** Asks for another state; does not wait for it. Throws like askState. */
export async function sendCommand(
  host: Host,
  socketPath: string,
  command: { readonly state: VzCommand; readonly signal: AbortSignal },
): Promise<void> {
  const { state, signal } = command;
  await exchange(host, { socketPath, signal, request: 'POST /vm/state', body: JSON.stringify({ state }) });
}

/** One request of HTTP/1.0, which the server ends by closing the connection. */
async function exchange(
  host: Host,
  options: {
    readonly socketPath: string;
    readonly signal: AbortSignal;
    readonly request: string;
    readonly body?: string;
  },
): Promise<string> {
  const { socketPath, signal, request, body } = options;
  const socket = await host.network.connect({ path: socketPath }, { timeoutMs, signal });
  const over = new AbortController();
  const end = (): void => {
    socket.destroy();
  };
  host.clock.sleep(timeoutMs, over.signal).then(end, () => undefined);
  try {
    const content =
      body === undefined
        ? []
        : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`];
    socket.write([`${request} HTTP/1.0`, 'Host: localhost', ...content, '', body ?? ''].join('\r\n'));
    let answer = '';
    for await (const piece of socket) {
      answer += String(piece);
      if (answer.length > answerBytesMax) {
        break;
      }
    }
    const status = /^HTTP\/1\.\d (\d{3})/.exec(answer)?.[1] ?? '';
    if (!status.startsWith('2')) {
      throw new MachineError('vm-control-failed', `vfkit refused "${request}".`, {
        why: answer.slice(0, 300),
      });
    }
    return answer.slice(answer.indexOf('\r\n\r\n') + 4);
  } finally {
    over.abort(new Error('done'));
    socket.destroy();
  }
}

function stateIn(body: string): string | undefined {
  try {
    const { state } = JSON.parse(body) as { readonly state?: unknown };
    return typeof state === 'string' ? state : undefined;
  } catch {
    return undefined;
  }
}
