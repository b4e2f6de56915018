import type { MachineEvent } from '../../../src/core/events.ts';
import type { CreateRequest } from '../../../src/machine/request.ts';
import { createSession, type Session } from '../../../src/machine/session.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

/** A session on a computer in memory, with everything that it emitted. */
export interface TestSession extends Session {
  readonly host: FakeHost;
  readonly events: MachineEvent[];
  readonly abort: AbortController;
}

export const storePath = '/home/user/.docker/machine';

/** Opens a session on a fresh computer. */
export function openTestSession(options: FakeHostOptions = {}): TestSession {
  const events: MachineEvent[] = [];
  const abort = new AbortController();
  const host = createFakeHost(options);
  const emit = (event: MachineEvent): void => {
    events.push(event);
  };
  return { ...createSession({ host, storePath, emit, signal: abort.signal }), host, events, abort };
}

/** The request of `create -d none --url tcp://127.0.0.1:1 NAME`. */
export function noneRequest(name: string, change: Partial<CreateRequest> = {}): CreateRequest {
  return {
    name,
    driverName: 'none',
    flagValues: { url: 'tcp://127.0.0.1:1' },
    engine: {
      options: [],
      insecureRegistries: [],
      registryMirrors: [],
      labels: [],
      storageDriver: '',
      env: [],
      installUrl: 'https://get.docker.com',
    },
    tlsSans: [],
    tlsKeyType: 'ec',
    ...change,
  };
}
