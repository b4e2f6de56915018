import { MachineError } from '../../../core/errors.ts';
import { waitFor } from '../../../core/wait.ts';
import type { DriverContext, ResumeMaterial } from '../../driver.ts';
import type { QemuConfig } from '../config.ts';
import { followUntilReady, type StartLimits } from '../follow.ts';
import { launch, type Launched, type LaunchPlan, type TemplateLaunch } from '../launch.ts';
import { readLog } from '../log.ts';
import { isIntact, type Template } from './cache.ts';
import { identityMessage } from './identity.ts';
import { writePending } from './pending.ts';

/** What a machine is resumed with. */
export interface ResumeOrder {
  readonly plan: LaunchPlan & { readonly template: TemplateLaunch };
  readonly template: Template;
  readonly material: ResumeMaterial;
}

type ResumeContext = DriverContext<QemuConfig>;

/** Measured: 0.1 to 0.2 s, 1.4 s for two at once on two cores; ten at once on a slow computer take longer. */
const loadTimeoutMs = 30_000;
const loadPauseMs = 5;
/** Measured: 0.7 s under emulation. */
const resumeLimits: StartLimits = { firstMarkTimeoutMs: 20_000, readyTimeoutMs: 60_000 };
const followPauseMs = 10;
const mebibyte = 1024 * 1024;

/**
 * Lets a machine go on from a template's memory and gives it its identity; returns when the guest says that it is
 * ready. The machine's disk must be the template's. QEMU is left running after an error; the caller ends it.
 * @throws MachineError `template-invalid` (the saved memory was changed), `vm-start-failed`, `vm-boot-timeout`,
 *   `guest-failed`, `vm-control-failed`, `host-not-ready`.
 */
export async function resumeMachine(context: ResumeContext, order: ResumeOrder): Promise<void> {
  const { host } = context;
  const { plan, template } = order;
  // Both read the same file, on two processors; the second finds it in memory. The template may have been made anew
  // since the disk was copied: then the disk is sound, but belongs to other memory.
  const intact = Promise.all([
    isIntact(host, template.ramPath, template.record.ram),
    isIntact(host, plan.paths.disk, template.record.disk),
  ]);
  intact.catch(() => undefined);
  const launched = await launch(context, {
    ...plan,
    template: {
      ...plan.template,
      incomingPath: template.ramPath,
    },
  });
  try {
    await load(context, launched);
    const [isMemoryIntact, isDiskIntact] = await intact;
    if (!isMemoryIntact) {
      throw new MachineError('template-invalid', 'The saved memory is not what it was when it was saved.');
    }
    if (!isDiskIntact) {
      throw new MachineError(
        'template-invalid',
        'The disk of the machine does not belong to the saved memory.',
      );
    }
    await wake(context, launched, order);
  } finally {
    launched.control.close();
  }
}

async function load(context: ResumeContext, launched: Launched): Promise<void> {
  const { host, signal } = context;
  const { control } = launched;
  await waitFor(
    async () => {
      const { status } = (await control.execute('query-status', undefined, { signal })) as {
        readonly status?: unknown;
      };
      return status === 'inmigrate' || status === 'prelaunch' ? undefined : true;
    },
    {
      clock: host.clock,
      timeoutMs: loadTimeoutMs,
      intervalMs: loadPauseMs,
      signal,
      code: 'vm-start-failed',
      what: 'QEMU to load the saved memory',
    },
  );
}

async function wake(context: ResumeContext, launched: Launched, order: ResumeOrder): Promise<void> {
  const { host, config, directory, signal } = context;
  const { control } = launched;
  const { plan, template } = order;
  // Before the guest runs: without a connection it would take what it reads for the end of the message.
  const identity = await host.network.connect({ path: plan.paths.identity }, { timeoutMs: 5_000, signal });
  identity.on('error', () => undefined);
  try {
    // From here on disk and saved memory part.
    await writePending(host, directory, { state: 'resumed', template: template.id });
    await control.execute('cont', undefined, { signal });
    if (config.diskSizeMiB > template.record.key.diskMiB) {
      const size = config.diskSizeMiB * mebibyte;
      await control.execute('block_resize', { 'node-name': 'data', size }, { signal });
    }
    const message = await identityMessage(host, {
      guestFiles: plan.boot.guestFiles,
      engineConfig: order.material.engineConfig,
      diskBytes: config.diskSizeMiB * mebibyte,
    });
    // Not waited for: a guest that does not take it shows in its silence, which has a limit.
    identity.end(message);
    await follow(context, launched, plan);
  } finally {
    identity.destroy();
  }
}

async function follow(context: ResumeContext, launched: Launched, plan: LaunchPlan): Promise<void> {
  const { host, signal } = context;
  let wokenAtSeconds: number | undefined;
  await followUntilReady({
    host,
    consolePath: plan.paths.console,
    limits: resumeLimits,
    pauseMs: followPauseMs,
    signal,
    onMark: (mark) => {
      // The guest's clock goes on from the template's; people want to know how long this machine took.
      wokenAtSeconds ??= mark.atSeconds;
      if (mark.phase === 'note') {
        context.emit({ type: 'note', machine: context.name, message: mark.detail ?? '' });
      } else if (mark.phase !== 'failed') {
        const atSeconds = Math.round((mark.atSeconds - wokenAtSeconds) * 100) / 100;
        context.emit({ type: 'phase', machine: context.name, phase: mark.phase, atSeconds });
      }
    },
    hasEnded: () => launched.control.isClosed,
    readLog: () => readLog(host, plan.paths.log),
  });
}
