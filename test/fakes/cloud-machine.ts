import type { MachineEvent } from '../../src/core/events.ts';
import type { Driver, FlagValues, ProviderMaterial } from '../../src/drivers/driver.ts';
import type { Subject } from '../../src/conformance/laws.ts';
import { newUuid } from '../../src/drivers/uuid.ts';
import { sendRequest } from '../../src/host/request.ts';
import { generateSshKeyPair } from '../../src/ssh/keys.ts';
import { createFakeHost, type FakeHost } from './host.ts';

/** A machine of a cloud whose files and clock are in memory, and whose requests go to a stand-in for the API. */
export interface CloudMachine extends Subject {
  readonly host: FakeHost;
  readonly events: MachineEvent[];
  /** The driver's part of the record, as it was saved last. */
  record(): Readonly<Record<string, unknown>>;
  /** What the driver keeps beside the record. */
  state(): Readonly<Record<string, unknown>>;
}

/** What a test may choose. */
export interface CloudMachineOptions {
  readonly driver: Driver;
  readonly values: FlagValues;
  readonly name?: string;
  /** Machines of one store share it. */
  readonly storeId?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** See ProviderMaterial.ownership. */
  readonly expiresMs?: number;
  /** Secrets of the command line, by flag. */
  readonly secrets?: Readonly<Record<string, string>>;
}

const ids = { randomBytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };

/** Makes one; nothing is asked of the cloud yet. */
export function makeCloudMachine(options: CloudMachineOptions): CloudMachine {
  const { driver, env = {}, secrets = {} } = options;
  const directory = '/home/ann/machines/dev';
  // One account knows the tokens of all machines, so they must differ.
  const host = { ...createFakeHost({ env }), ...ids };
  host.files.putDirectory(directory);
  host.http.onRequest = (request) => sendRequest({ env: {} }, request);
  const configured = driver.configure(options.values);
  let stored: Record<string, unknown> = {
    ...configured.config,
    SSHUser: configured.common?.sshUser,
    SSHPort: configured.common?.sshPort,
  };
  const provider = memoryProvider(host, {
    state: configured.state ?? {},
    storeId: options.storeId ?? newUuid(ids),
    expiresMs: options.expiresMs,
    secrets,
  });
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
    provider: provider.material,
    secrets,
    // For `check` and its like, which have no provider.
    get state() {
      return provider.state();
    },
  };
  return {
    driver,
    context,
    host,
    events,
    record: () => stored,
    state: provider.state,
    cleanup: async () => {
      await driver.remove(context);
    },
  };
}

function memoryProvider(
  host: FakeHost,
  {
    state,
    storeId,
    expiresMs,
    secrets,
  }: {
    readonly state: Readonly<Record<string, unknown>>;
    readonly storeId: string;
    readonly expiresMs: number | undefined;
    readonly secrets: Readonly<Record<string, string>>;
  },
): { readonly material: ProviderMaterial; readonly state: () => Readonly<Record<string, unknown>> } {
  const machineId = newUuid(ids);
  const [user, own] = [generateSshKeyPair(host, 'user'), generateSshKeyPair(host, 'host')];
  let kept = state;
  return {
    state: () => kept,
    material: {
      ownership: async () => ({ machineId, storeId, ...(expiresMs === undefined ? {} : { expiresMs }) }),
      userKey: async () => user.publicLine,
      hostKey: async () => own,
      pinHostKey: async () => undefined,
      engineScript: async () => '#!/bin/sh\n# installs the engine\n',
      awaitEngine: async () => undefined,
      secrets: async () => secrets,
      state: async () => kept,
      saveState: async (part) => {
        kept = { ...kept, ...part };
      },
    },
  };
}
