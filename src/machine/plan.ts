import { messageOf } from '../core/errors.ts';
import type { Step } from '../drivers/driver.ts';
import { lastEvent, type Journal } from './journal.ts';
import type { Session } from './session.ts';

/** What a plan is run for. */
export interface PlanContext {
  readonly session: Session;
  readonly machine: string;
  readonly journal: Journal;
}

/**
 * Does the steps in order, each journaled before and after. Steps that the journal calls done are skipped;
 * a step that was begun and not finished is asked whether it is done after all, and else done again.
 * @throws whatever a step throws (journaled as failed first), or the session's abort reason between two steps.
 */
export async function runPlan(steps: readonly Step[], context: PlanContext): Promise<void> {
  for (const step of steps) {
    context.session.signal.throwIfAborted();
    const before = lastEvent(context.journal.entries, step.name);
    if (before === 'done' || before === 'adopted') {
      continue;
    }
    const begun = before === 'begin' || before === 'failed';
    if (begun && (await step.done?.()) === true) {
      await context.journal.append({ step: step.name, event: 'adopted' });
      emitDone(step, context, true);
      continue;
    }
    await runStep(step, context);
  }
}

async function runStep(step: Step, { session, machine, journal }: PlanContext): Promise<void> {
  const intent = step.intent?.();
  await journal.append({
    step: step.name,
    event: 'begin',
    ...(intent === undefined ? {} : { facts: intent }),
  });
  const { name, summary, isRoutine } = step;
  const routine = isRoutine === true ? { isRoutine } : {};
  session.emit({ type: 'step-begin', machine, step: name, summary, ...routine });
  try {
    const facts = await step.run();
    await journal.append({ step: step.name, event: 'done', ...(facts === undefined ? {} : { facts }) });
  } catch (error) {
    const message = messageOf(error);
    session.emit({ type: 'step-failed', machine, step: step.name, message });
    // The journal may be what failed (full disk): the step's own error is the one to report.
    await journal.append({ step: step.name, event: 'failed', message }).catch(() => undefined);
    throw error;
  }
  emitDone(step, { session, machine, journal }, false);
}

function emitDone(step: Step, { session, machine }: PlanContext, adopted: boolean): void {
  session.emit({ type: 'step-done', machine, step: step.name, ...(adopted ? { adopted } : {}) });
}

/**
 * Undoes, in reverse, every step that was ever begun and not yet undone. Goes on after a failure, so that one
 * stubborn step does not keep the others alive.
 * @throws the first failure, when all have been tried.
 */
export async function undoPlan(steps: readonly Step[], context: PlanContext): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps.toReversed()) {
    const before = lastEvent(context.journal.entries, step.name);
    if (before === undefined || before === 'undone' || step.undo === undefined) {
      continue;
    }
    try {
      await step.undo();
      await context.journal.append({ step: step.name, event: 'undone' });
      context.session.emit({ type: 'step-undone', machine: context.machine, step: step.name });
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) {
    throw failures[0];
  }
}
