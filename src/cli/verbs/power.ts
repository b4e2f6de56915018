import { awaitShares } from '../../agent/await-shares.ts';
import { endAgent, ensureAgent } from '../../agent/control.ts';
import type { Session } from '../../machine/session.ts';
import type { AnyCall, Call } from '../call.ts';
import { forEachMachine } from '../machines.ts';

/** How docker-machine says what begins, what has happened, and what to do then. */
interface PowerWords {
  readonly begin: string;
  readonly done: string;
  readonly end?: string;
}

const words = {
  kill: { begin: 'Killing', done: 'killed' },
  restart: { begin: 'Restarting', done: 'restarted', end: 'Restarted machines' },
  start: { begin: 'Starting', done: 'started', end: 'Started machines' },
  stop: { begin: 'Stopping', done: 'stopped' },
} as const satisfies Record<string, PowerWords>;

/** `start [name...]` */
export async function start(call: Call<'start'>): Promise<number> {
  const { startMachine } = await import('../../machine/power.ts');
  return changePower(call, words.start, withNewAgent(startMachine));
}

/** `stop [name...]` */
export async function stop(call: Call<'stop'>): Promise<number> {
  const { stopMachine } = await import('../../machine/power.ts');
  return changePower(call, words.stop, withoutAgent(stopMachine));
}

/** `kill [name...]` */
export async function kill(call: Call<'kill'>): Promise<number> {
  const { killMachine } = await import('../../machine/power.ts');
  return changePower(call, words.kill, withoutAgent(killMachine));
}

/** `restart [name...]` */
export async function restart(call: Call<'restart'>): Promise<number> {
  const { restartMachine } = await import('../../machine/power.ts');
  return changePower(call, words.restart, withNewAgent(withoutAgent(restartMachine)));
}

type Change = (session: Session, name: string) => Promise<unknown>;

/** A machine that runs gets its background agent. */
function withNewAgent(change: Change): Change {
  return async (session, name) => {
    const result = await change(session, name);
    await ensureAgent(session, name);
    await awaitShares(session, name);
    return result;
  };
}

/** The agent goes first, and takes its forwards with it. */
function withoutAgent(change: Change): Change {
  return async (session, name) => {
    await endAgent(session, name);
    return change(session, name);
  };
}

async function changePower(call: AnyCall, { begin, done, end }: PowerWords, change: Change): Promise<number> {
  await forEachMachine(call, async (name) => {
    call.inform(`${begin} "${name}"...`);
    const result = await change(call.session, name);
    call.inform(`Machine "${name}" was ${typeof result === 'string' ? result : done}.`);
  });
  if (end !== undefined) {
    call.inform(
      `${end} may have new IP addresses. You may need to re-run the \`${call.io.program} env\` command.`,
    );
  }
  return 0;
}
