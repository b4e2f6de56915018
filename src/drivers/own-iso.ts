import { MachineError } from '../core/errors.ts';
import type { DriverContext, Step } from './driver.ts';

type IsoContext = Pick<DriverContext<unknown>, 'host' | 'boot'>;

/**
 * The machine's own name for the ISO of its image, so that its hypervisor knows a medium of this machine and not one that
 * machines share. A link where the file system can, else a copy. One that is there is kept.
 * @throws MachineError `image-not-found` when there is none to take.
 */
export async function ensureIso(context: IsoContext, iso: string): Promise<void> {
  if ((await context.host.files.stat(iso)) === undefined) {
    await replaceIso(context, iso);
  }
}

/** The same in the place of the one that is there: one file for another. @throws MachineError `image-not-found`. */
export async function replaceIso({ host, boot }: IsoContext, iso: string): Promise<void> {
  const from = boot?.image.isoPath;
  if (from === undefined) {
    throw new MachineError('image-not-found', 'The image of the machine has no ISO.', {
      why: `${iso} is missing`,
      remedies: ['Build the image with its ISO: tsmachine image build'],
    });
  }
  const partial = `${iso}.tmp`;
  await host.files.remove(partial);
  try {
    await host.files.link(from, partial);
  } catch {
    // Another file system, or one without links.
    await host.files.copy(from, partial, 0o400);
  }
  await host.files.rename(partial, iso);
}

/** The step of a create that takes it. */
export function isoStep(context: IsoContext, iso: string): Step {
  return {
    name: 'iso',
    summary: 'Taking the CD that the machine boots from',
    isRoutine: true,
    done: async () => (await context.host.files.stat(iso)) !== undefined,
    run: async () => {
      await ensureIso(context, iso);
      return undefined;
    },
    undo: async () => context.host.files.remove(iso),
  };
}
