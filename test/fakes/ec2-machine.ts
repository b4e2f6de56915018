import type { MachineEvent } from '../../src/core/events.ts';
import driver from '../../src/drivers/amazonec2/driver.ts';
import type { FlagValues, ProviderMaterial } from '../../src/drivers/driver.ts';
import type { Subject } from '../../src/conformance/laws.ts';
import { newUuid } from '../../src/drivers/uuid.ts';
import { sendRequest } from '../../src/host/request.ts';
import { generateSshKeyPair } from '../../src/ssh/keys.ts';
import { createFakeHost, type FakeHost } from './host.ts';

/** A machine of EC2 whose files and clock are in memory, and whose requests go to a stand-in for the API. */
export interface Ec2Machine extends Subject {
  readonly host: FakeHost;
  readonly events: MachineEvent[];
  /** The driver's part of the record, as it was saved last. */
  record(): Readonly<Record<string, unknown>>;
}

/** What a test may choose. */
export interface Ec2MachineOptions {
  readonly endpoint: string;
  readonly name?: string;
  /** Machines of one store share it. */
  readonly storeId?: string;
  readonly values?: FlagValues;
  readonly env?: Readonly<Record<string, string>>;
}

const ids = { randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

/** Flag values with which a machine is made here. */
export function ec2Values(endpoint: string): FlagValues {
  return {
    'amazonec2-endpoint': endpoint,
    'amazonec2-insecure-transport': true,
    'amazonec2-open-to': ['198.18.0.0/15'],
  };
}

export function makeEc2Machine(options: Ec2MachineOptions): Ec2Machine {
  const directory = '/home/ann/machines/dev';
  const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', ...options.env };
  // One account knows the tokens of all machines, so they must differ.
  const host = { ...createFakeHost({ env }), ...ids };
  host.files.putDirectory(directory);
  host.http.onRequest = (request) => sendRequest({ env: {} }, request);
  const configured = driver.configure({ ...ec2Values(options.endpoint), ...options.values });
  let stored: Record<string, unknown> = {
    ...configured.config,
    SSHUser: configured.common?.sshUser,
    SSHPort: configured.common?.sshPort,
  };
  const events: MachineEvent[] = [];
  const context = {
    host,
    name: options.name ?? 'dev',
    directory,
    config: driver.readConfig(stored),
    signal: new AbortController().signal,
    emit: (event: MachineEvent) => {
      events.push(event);
    },
    save: async (part: Readonly<Record<string, unknown>>) => {
      stored = { ...stored, ...part };
      context.config = driver.readConfig(stored);
    },
    provider: memoryProvider(host, configured.state ?? {}, options.storeId ?? newUuid(ids)),
  };
  return {
    driver,
    context,
    host,
    events,
    record: () => stored,
    cleanup: async () => {
      await driver.remove(context);
    },
  };
}

function memoryProvider(
  host: FakeHost,
  state: Readonly<Record<string, unknown>>,
  storeId: string,
): ProviderMaterial {
  const machineId = newUuid(ids);
  const [user, own] = [generateSshKeyPair(host, 'user'), generateSshKeyPair(host, 'host')];
  let kept = state;
  return {
    ownership: async () => ({ machineId, storeId }),
    userKey: async () => user.publicLine,
    hostKey: async () => own,
    pinHostKey: async () => undefined,
    secrets: async () => ({}),
    state: async () => kept,
    saveState: async (part) => {
      kept = { ...kept, ...part };
    },
  };
}
