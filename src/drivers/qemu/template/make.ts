import { isMachineError, MachineError, messageOf, systemCode } from '../../../core/errors.ts';
import { waitFor } from '../../../core/wait.ts';
import type { BootMaterial, DriverCache, DriverContext } from '../../driver.ts';
import type { QemuConfig } from '../config.ts';
import { createDisk } from '../disk.ts';
import { followUntilReady, limitsFor } from '../follow.ts';
import { launch, type Launched } from '../launch.ts';
import { readLog } from '../log.ts';
import type { QmpClient } from '../qmp.ts';
import { machinePaths } from '../run-state.ts';
import { endProcess, removeMachine } from '../stop.ts';
import {
  diskFile,
  listMaking,
  makingDirectory,
  ramFile,
  recordFile,
  removeTemplate,
  templateDirectory,
  type SavedFile,
  type TemplateRecord,
} from './cache.ts';
import { templateLaunch, type TemplateKey, type TemplateShape } from './key.ts';

/** What a template is made for. */
export interface TemplateOrder {
  /** The machine that it is made for first; events name it. */
  readonly machine: string;
  readonly cache: DriverCache;
  readonly key: TemplateKey;
  readonly shape: TemplateShape;
  /** Absolute path of qemu-system-*. */
  readonly program: string;
  readonly boot: BootMaterial;
}

type MakeContext = DriverContext<QemuConfig>;

/** Besides the memory that the guest uses, some 300 MB: room for the disk, and for whoever needs some as well. */
const freeBytesMin = 1024 ** 3;
/** With less than this a disk is full. */
const fullBytesMax = 16 * 1024 ** 2;
/** After the last mark the guest is given this time to come to rest. */
const restMs = 700;
const saveTimeoutMs = 120_000;
const savePauseMs = 10;

/** Where this process makes templates at this moment. */
const ownMakings = new Set<string>();

/**
 * Boots a guest without identity until its engine answers, and saves it. The caller holds the lock of the key. What
 * is half made lies in a directory of its own, which the next create removes should this process be killed.
 * @throws MachineError `template-failed` with the cause.
 */
export async function makeTemplate(context: MakeContext, order: TemplateOrder): Promise<void> {
  const { host } = context;
  await removeDeadRemains(context, order.cache);
  const directory = makingDirectory(order.cache, order.key, host.facts.pid);
  const result = `${directory}/template`;
  const making = { ...context, name: 'template', directory, boot: { ...order.boot, guestFiles: [] } };
  ownMakings.add(directory);
  try {
    await host.files.makeDirectory(result, 0o700);
    await requireSpace(context, order.cache, freeBytesMin);
    try {
      await bootAndSaveTwice(making, order, result);
      await writeRecord(context, order.key, result);
    } catch (error) {
      // Whatever it looked like to QEMU, a full disk is the reason to name.
      await requireSpace(context, order.cache, fullBytesMax);
      throw error;
    }
    // What a removal left that was cut off has no record and is no template, but would be in the way.
    const place = templateDirectory(order.cache, order.key);
    await removeTemplate(host, place);
    await host.files.rename(result, place);
  } finally {
    // Also after Ctrl-C: the guest must not stay behind.
    await removeMaking({ ...making, signal: new AbortController().signal }).finally(() => {
      ownMakings.delete(directory);
    });
  }
}

/** Ends the guests and removes the files of makers that are dead. */
export async function removeDeadRemains(
  context: Pick<MakeContext, 'host' | 'signal'>,
  cache: DriverCache,
): Promise<void> {
  const { host } = context;
  for (const { directory, pid } of await listMaking(host, cache)) {
    // Another process may have got the number since; then the remains wait until that one has ended.
    const isDead =
      pid === host.facts.pid
        ? !ownMakings.has(directory)
        : (await host.processes.identify(pid)) === undefined;
    if (isDead) {
      await removeMaking({ ...context, name: 'template', directory });
    }
  }
}

async function removeMaking(context: Parameters<typeof removeMachine>[0]): Promise<void> {
  await removeMachine(context);
  await context.host.files.remove(context.directory);
}

/** @throws MachineError `template-failed` (facts: reason `no-space`). */
async function requireSpace(context: MakeContext, cache: DriverCache, bytesMin: number): Promise<void> {
  if ((await context.host.files.freeBytes(cache.directory)) < bytesMin) {
    throw new MachineError('template-failed', 'There is not enough free space to save a started machine.', {
      why: `Less than ${Math.round(bytesMin / 1024 ** 2)} MB are free in ${cache.directory}.`,
      facts: { reason: 'no-space' },
    });
  }
}

/** As at an ordinary start: one QEMU in a hundred ends before its kernel speaks, and is started once more. */
async function bootAndSaveTwice(context: MakeContext, order: TemplateOrder, result: string): Promise<void> {
  try {
    await bootAndSave(context, order, result);
  } catch (error) {
    if (!isMachineError(error) || error.facts['reason'] !== 'ended-before-first-mark') {
      throw error;
    }
    await bootAndSave(context, order, result);
  }
}

async function bootAndSave(context: MakeContext, order: TemplateOrder, result: string): Promise<void> {
  const { host, signal } = context;
  const paths = { ...(await machinePaths(host, context.directory)), disk: `${result}/${diskFile}` };
  const diskContext = { ...context, config: { ...context.config, diskSizeMiB: order.key.diskMiB } };
  await createDisk({ ...diskContext, directory: result }, paths.disk);
  const launched = await launch(context, {
    program: order.program,
    accelerator: order.shape.accelerator,
    boot: { ...order.boot, guestFiles: [] },
    paths,
    sshPort: 0,
    enginePort: 0,
    template: templateLaunch(order.shape),
  });
  // Open as long as the guest lives: it takes the lost connection for the end of a message.
  const identity = await host.network.connect({ path: paths.identity }, { timeoutMs: 5_000, signal });
  identity.on('error', () => undefined);
  try {
    await followUntilReady({
      host,
      consolePath: paths.console,
      limits: limitsFor(order.shape.accelerator),
      signal,
      until: 'template',
      onMark: ({ phase, atSeconds }) => {
        if (phase !== 'failed' && phase !== 'note') {
          context.emit({ type: 'phase', machine: order.machine, phase, atSeconds });
        }
      },
      hasEnded: () => launched.control.isClosed,
      readLog: () => readLog(host, paths.log),
    });
    await host.clock.sleep(restMs, signal);
    await saveGuest(context, launched, { order, directory: result });
  } finally {
    identity.destroy();
    launched.control.close();
  }
}

async function saveGuest(
  context: MakeContext,
  launched: Launched,
  target: { readonly order: TemplateOrder; readonly directory: string },
): Promise<void> {
  const { host, signal } = context;
  const { control } = launched;
  // Before QEMU writes: what it makes itself would be readable by others.
  await host.files.writeNew(`${target.directory}/${ramFile}`, '', 0o600);
  await control.execute('stop', undefined, { signal });
  await control.execute('migrate-set-parameters', { 'max-bandwidth': 2 ** 40 }, { signal });
  // A stream loads as fast as a file with fixed places (capability "mapped-ram"), in every version of QEMU, and has no
  // holes, which the checksum would have to read. QEMU runs in the directory above: a relative path needs no quoting,
  // whatever the store is called.
  const uri = `exec:cat > template/${ramFile}`;
  await control.execute('migrate', { uri }, { signal });
  await waitFor(async () => isSaved(control), {
    clock: host.clock,
    timeoutMs: saveTimeoutMs,
    intervalMs: savePauseMs,
    signal,
    code: 'template-failed',
    what: 'the memory of the guest to be saved',
  });
  await endProcess(context, { process: launched.process, client: control });
}

async function isSaved(control: QmpClient): Promise<true | undefined> {
  const answer = await control.execute('query-migrate');
  const { status, ...rest } = answer as { readonly status?: unknown; readonly 'error-desc'?: unknown };
  if (status === 'failed' || status === 'cancelled') {
    const why = rest['error-desc'];
    throw new MachineError('template-failed', 'QEMU could not save the memory of the guest.', {
      why: typeof why === 'string' ? why : 'It gives no reason; the disk may be full.',
    });
  }
  return status === 'completed' ? true : undefined;
}

async function writeRecord(context: MakeContext, key: TemplateKey, directory: string): Promise<void> {
  const { host } = context;
  const saved = async (name: string): Promise<SavedFile> => {
    const path = `${directory}/${name}`;
    const stat = await host.files.stat(path);
    return { sizeBytes: stat?.sizeBytes ?? 0, crc32: await host.files.crc32(path) };
  };
  const record: TemplateRecord = {
    schema: 1,
    key,
    ram: await saved(ramFile),
    disk: await saved(diskFile),
    made: new Date(host.clock.nowMs()).toISOString(),
  };
  await host.files.writeAtomic(
    `${directory}/${recordFile}`,
    `${JSON.stringify(record, undefined, 1)}\n`,
    0o600,
  );
}

/**
 * An error as the reason why there is no template, or why it was of no use. A file or socket that is gone is one as
 * well.
 * @throws the error when it is neither ours nor the system's.
 */
export function templateFailure(error: unknown): string {
  if (!isMachineError(error)) {
    // Codes of Node itself (ERR_…) tell a mistake of ours.
    if (!/^E[A-Z0-9]+$/.test(systemCode(error) ?? '')) {
      throw error;
    }
    return `${messageOf(error)}.`;
  }
  return error.why === undefined ? error.message : `${error.message} ${error.why.split('\n')[0] ?? ''}`;
}
