import { systemCode } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import { fileIn } from '../run-state.ts';

/**
 * `resume.json` of a machine that is to be resumed from a template. `prepared`: its disk is the template's, byte for
 * byte. `resumed`: the guest may have run, so that disk and saved memory do not belong together any more and the next
 * start is an ordinary one. Gone as soon as the machine was ready once.
 */
export interface PendingResume {
  readonly state: 'prepared' | 'resumed';
  /** Id of the template. */
  readonly template: string;
}

const fileName = 'resume.json';

/** What is pending for a machine; undefined when nothing is, or the file is not ours. */
export async function readPending(host: Host, directory: string): Promise<PendingResume | undefined> {
  let text: string;
  try {
    text = await host.files.readText(fileIn(directory, fileName));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  try {
    const { state, template } = JSON.parse(text) as Partial<Record<keyof PendingResume, unknown>>;
    // An unreadable file counts as the state in which nothing can go wrong.
    return state === 'prepared' && typeof template === 'string'
      ? { state, template }
      : { state: 'resumed', template: '' };
  } catch {
    return { state: 'resumed', template: '' };
  }
}

/** Writes it down, on the disk before this resolves. */
export async function writePending(host: Host, directory: string, pending: PendingResume): Promise<void> {
  await host.files.writeAtomic(fileIn(directory, fileName), `${JSON.stringify(pending)}\n`, 0o600);
}

/** Nothing is pending any more. */
export async function removePending(host: Host, directory: string): Promise<void> {
  await host.files.remove(fileIn(directory, fileName));
}
