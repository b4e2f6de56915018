import { crc32 } from 'node:zlib';
import type { MachineEvent } from '../../../src/core/events.ts';
import type { BootMaterial, DriverContext, Step } from '../../../src/drivers/driver.ts';
import type { QemuConfig } from '../../../src/drivers/qemu/config.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { createSession } from '../../../src/machine/session.ts';
import { openJournal } from '../../../src/machine/journal.ts';
import { runPlan } from '../../../src/machine/plan.ts';
import { driverCache } from '../../../src/machine/driver-cache.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { bodyOf } from '../../fakes/template-disk.ts';
import { installTemplateQemu } from '../../fakes/template-qemu.ts';
import type { TemplateQemu } from '../../fakes/template-guest.ts';

export const storePath = '/home/ann/.docker/machine';
export const cachePath = `${storePath}/cache/drivers/qemu`;
export const image = {
  digest: 'd'.repeat(64),
  version: 'v',
  architecture: 'amd64',
  kernelPath: '/i/vmlinuz',
  initrdPath: '/i/initrd',
  rootPath: '/i/root',
} as const;

/** A computer with QEMU, its store, and what commands on it told the user. */
export interface Scene {
  readonly host: FakeHost;
  readonly qemu: TemplateQemu;
  readonly events: MachineEvent[];
}

/** How a machine or the process that creates it differs from the usual. */
export interface Change {
  readonly name?: string;
  readonly host?: FakeHost;
  readonly signal?: AbortSignal;
  readonly config?: Readonly<Record<string, unknown>>;
  /** The machine is not one that is being created. */
  readonly isMade?: boolean;
}

export function makeScene(options: FakeHostOptions = {}): Scene {
  const host = createFakeHost(options);
  host.clock.mode = 'idle';
  return { host, qemu: installTemplateQemu(host), events: [] };
}

/** The directory of a machine. */
export function directoryOf(name = 'dev'): string {
  return `${storePath}/machines/${name}`;
}

/** What the driver is given for a machine that is being created. */
export function contextOf(scene: Scene, change: Change = {}): DriverContext<QemuConfig> {
  const { name = 'dev', host = scene.host, signal = new AbortController().signal } = change;
  const directory = directoryOf(name);
  scene.host.files.put(`${directory}/guest/machine-id`, `id of ${name}\n`);
  scene.host.files.put(`${directory}/guest/server.pem`, 'certificate\n');
  scene.host.files.put(`${directory}/guest/authorized_keys`, `key of ${name}\n`);
  const emit = (event: MachineEvent): void => {
    scene.events.push(event);
  };
  const config = driver.readConfig({ Accel: 'tcg', DiskSize: 20_000, ...change.config }) as QemuConfig;
  const cache = driverCache(createSession({ host, storePath, emit, signal }), 'qemu');
  const usual = '{"labels":["provider=qemu"]}\n';
  const resume = { cache, engineConfig: usual, defaultEngineConfig: usual };
  const guestFiles = ['machine-id', 'server.pem', 'authorized_keys'].map((file) => ({
    name: file,
    path: `${directory}/guest/${file}`,
  }));
  const boot: BootMaterial = { image, guestFiles, shares: [], ...(change.isMade === true ? {} : { resume }) };
  return { host, name, directory, config, signal, emit, boot, save: async () => undefined };
}

/** Creates a machine, or goes on with its creation: the driver's part of it, with the journal. */
export async function create(scene: Scene, change: Change = {}): Promise<DriverContext<QemuConfig>> {
  const context = contextOf(scene, change);
  const { host, name, directory, emit, signal } = context;
  const boot: Step = {
    name: 'boot',
    summary: 'Starting the machine',
    run: async () => {
      await driver.start(context);
      return undefined;
    },
  };
  const journal = await openJournal(host, `${directory}/journal.jsonl`);
  const session = createSession({ host, storePath, emit, signal });
  await runPlan([...driver.steps(context), boot], { session, machine: name, journal });
  return context;
}

/** Remarks to the user since the last call. */
export function takeNotes(scene: Scene): string[] {
  const notes = scene.events.flatMap((event) =>
    event.type === 'note' || event.type === 'warn' ? [event.message] : [],
  );
  scene.events.length = 0;
  return notes;
}

/** Names in the cache: templates, what is in the making, locks and notes of failures. */
export function cacheEntries({ host }: Scene): string[] {
  const prefix = `${cachePath}/`;
  return [...host.files.nodes.keys()]
    .filter((path) => path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
    .map((path) => path.slice(prefix.length))
    .sort();
}

/** The only template's directory. */
export function onlyTemplate(scene: Scene): string {
  const [id, ...others] = cacheEntries(scene).filter((name) => /^[0-9a-f]{32}$/.test(name));
  if (id === undefined || others.length > 0) {
    throw new Error(`There is not one template but: ${cacheEntries(scene).join(', ')}.`);
  }
  return `${cachePath}/${id}`;
}

/** What guests have done to a machine's disk. */
export function diskOf(scene: Scene, name = 'dev'): string {
  const node = scene.host.files.nodes.get(`${directoryOf(name)}/disk.qcow2`);
  return node?.kind === 'file' ? bodyOf(node.data) : 'no disk';
}

/** Makes one bit of a file another; its length stays. */
export function flipBit(scene: Scene, path: string): number {
  const node = scene.host.files.nodes.get(path);
  if (node?.kind !== 'file') {
    throw new Error(`There is no file ${path}.`);
  }
  const data = node.data.slice();
  const at = data.length - 1;
  data[at] = (data[at] ?? 0) ^ 1;
  scene.host.files.put(path, data);
  return crc32(data);
}
