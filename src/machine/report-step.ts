import { messageOf } from '../core/errors.ts';
import type { Session } from './session.ts';

/** Tells the listener that something begins, and how it ended. */
export async function reportStep<T>(
  session: Session,
  machine: string,
  what: { readonly step: string; readonly summary: string; readonly isRoutine?: boolean },
  action: () => Promise<T>,
): Promise<T> {
  session.emit({ type: 'step-begin', machine, ...what });
  try {
    const result = await action();
    session.emit({ type: 'step-done', machine, step: what.step });
    return result;
  } catch (error) {
    session.emit({ type: 'step-failed', machine, step: what.step, message: messageOf(error) });
    throw error;
  }
}
