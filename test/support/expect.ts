import type { ExecutionContext } from 'ava';
import type { Outcome } from './cli.ts';

const patienceMs = 120_000;
const pauseMs = 200;

/** Expects that a program succeeds; gives what it printed. */
export async function ok(t: ExecutionContext, outcome: Promise<Outcome>): Promise<string> {
  const { code, stdout, stderr } = await outcome;
  t.is(code, 0, `${stdout}\n${stderr}`);
  return stdout;
}

/** Asks again and again until the answer is yes, or two minutes are over. */
export async function eventually(ask: () => Promise<boolean>): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    if (await ask()) {
      return true;
    }
    if (Date.now() > deadline) {
      return false;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
