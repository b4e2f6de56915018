import { setImmediate as turn } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { loadDriver } from '../../../src/drivers/registry.ts';
import type { Driver } from '../../../src/drivers/driver.ts';
import type { CreateRequest } from '../../../src/machine/request.ts';
import { openMachine, type OpenMachine } from '../../../src/machine/open.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { hostAddress, installLinuxHost, type MemoryLinuxHost } from '../../fakes/linux-host.ts';
import { noneRequest, openTestSession, type TestSession } from './support.ts';

/** A computer in memory, and a Linux host that it reaches over SSH. */
export interface HostScene {
  readonly session: TestSession;
  readonly linux: MemoryLinuxHost;
}

const keyPath = '/home/ann/.ssh/id_test';

/** Opens a scene; its session ends with the test. */
export function openHostScene(t: Pick<ExecutionContext, 'teardown'>): HostScene {
  const session = openTestSession();
  t.teardown(session.close);
  session.host.clock.mode = 'idle';
  session.host.files.put(keyPath, generateSshKeyPair(session.host, 'test').privatePem);
  return { session, linux: installLinuxHost(session.host) };
}

/** The request of `create -d generic --generic-ip-address ADDRESS --generic-ssh-key KEY NAME`. */
export function genericRequest(name: string, change: Partial<CreateRequest> = {}): CreateRequest {
  const flagValues = { 'generic-ip-address': hostAddress, 'generic-ssh-key': keyPath };
  return noneRequest(name, { driverName: 'generic', flagValues, ...change });
}

/** The machine as if its driver had a power switch. */
export async function withPower(session: TestSession, name: string): Promise<OpenMachine> {
  const machine = await openMachine(session, name);
  const base = await loadDriver('generic', session);
  const { manifest } = base;
  const capabilities = { ...manifest.capabilities, power: true };
  const driver: Driver = { ...base, manifest: { ...manifest, capabilities } };
  return { ...machine, driver };
}

/** Remarks to the user so far. */
export function notesOf({ session }: HostScene): string[] {
  return session.events.flatMap((event) =>
    event.type === 'note' || event.type === 'warn' ? [event.message] : [],
  );
}

/** Whatever is on its way comes to its end. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 20; count += 1) {
    await turn();
  }
}
