import test from 'ava';
import type { Step } from '../../../src/drivers/driver.ts';
import { openJournal, readJournal } from '../../../src/machine/journal.ts';
import { runPlan, undoPlan, type PlanContext } from '../../../src/machine/plan.ts';
import { openTestSession, type TestSession } from './support.ts';

const path = '/tmp/journal.jsonl';

async function context(session: TestSession): Promise<PlanContext> {
  return { session, machine: 'm', journal: await openJournal(session.host, path) };
}

function step(name: string, log: string[], more: Partial<Step> = {}): Step {
  return {
    name,
    summary: name,
    run: async () => {
      log.push(`run ${name}`);
      return undefined;
    },
    undo: async () => {
      log.push(`undo ${name}`);
    },
    ...more,
  };
}

test('the journal says begin, with the intent, before a step runs', async (t) => {
  const session = openTestSession();
  let seen: string | undefined;
  const steps = [
    step('a', [], {
      intent: () => ({ token: 'x1' }),
      run: async () => {
        seen = session.host.files.text(path);
        return undefined;
      },
    }),
  ];
  await runPlan(steps, await context(session));
  t.regex(seen ?? '', /"event":"begin","facts":\{"token":"x1"\}/);
  t.false(seen?.includes('done'));
});

test('done steps are skipped; a begun one is adopted when it is done after all, and else run again', async (t) => {
  const session = openTestSession();
  const log: string[] = [];
  const first = await context(session);
  await first.journal.append({ step: 'a', event: 'done' });
  await first.journal.append({ step: 'b', event: 'begin' });
  await first.journal.append({ step: 'c', event: 'begin' });
  await runPlan(
    [
      step('a', log),
      step('b', log, { done: async () => true }),
      step('c', log, { done: async () => false }),
      step('d', log),
    ],
    await context(session),
  );
  t.deepEqual(log, ['run c', 'run d']);
  const events = (await readJournal(session.host, path)).map((entry) => `${entry.step} ${entry.event}`);
  t.true(events.includes('b adopted'));
});

test('a failure is journaled and thrown; later steps do not run', async (t) => {
  const session = openTestSession();
  const log: string[] = [];
  const broken = step('b', log, {
    run: async () => {
      throw new Error('no space');
    },
  });
  await t.throwsAsync(runPlan([step('a', log), broken, step('c', log)], await context(session)), {
    message: 'no space',
  });
  t.deepEqual(log, ['run a']);
  t.is((await readJournal(session.host, path)).at(-1)?.event, 'failed');
});

test('an interrupt stops between two steps', async (t) => {
  const session = openTestSession();
  const log: string[] = [];
  const interrupting = step('a', log, {
    run: async () => {
      session.abort.abort(new Error('interrupted'));
      return undefined;
    },
  });
  await t.throwsAsync(runPlan([interrupting, step('b', log)], await context(session)), {
    message: 'interrupted',
  });
  t.deepEqual(log, []);
});

test('undo goes in reverse over what was ever begun, and a stubborn step does not keep the others alive', async (t) => {
  const session = openTestSession();
  const log: string[] = [];
  const plan = await context(session);
  for (const name of ['a', 'b', 'c']) {
    await plan.journal.append({ step: name, event: 'begin' });
  }
  const stubborn = step('b', log, {
    undo: async () => {
      throw new Error('busy');
    },
  });
  await t.throwsAsync(
    undoPlan([step('a', log), stubborn, step('c', log), step('never', log)], await context(session)),
    {
      message: 'busy',
    },
  );
  t.deepEqual(log, ['undo c', 'undo a']);
});
