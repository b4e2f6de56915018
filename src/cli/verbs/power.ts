import type { Session } from '../../machine/session.ts';
import type { AnyCall, Call } from '../call.ts';
import { forEachMachine } from '../machines.ts';

type PowerVerb = 'kill' | 'restart' | 'start' | 'stop';

/** How docker-machine says that it is done. */
const doneWords: Readonly<Record<PowerVerb, string>> = {
  kill: 'was killed',
  restart: 'was restarted',
  start: 'was started',
  stop: 'was stopped',
};

/** `start [name...]` */
export async function start(call: Call<'start'>): Promise<number> {
  const { startMachine } = await import('../../machine/power.ts');
  return changePower(call, 'start', startMachine);
}

/** `stop [name...]` */
export async function stop(call: Call<'stop'>): Promise<number> {
  const { stopMachine } = await import('../../machine/power.ts');
  return changePower(call, 'stop', stopMachine);
}

/** `kill [name...]` */
export async function kill(call: Call<'kill'>): Promise<number> {
  const { killMachine } = await import('../../machine/power.ts');
  return changePower(call, 'kill', killMachine);
}

/** `restart [name...]` */
export async function restart(call: Call<'restart'>): Promise<number> {
  const { restartMachine } = await import('../../machine/power.ts');
  return changePower(call, 'restart', restartMachine);
}

async function changePower(
  call: AnyCall,
  verb: PowerVerb,
  change: (session: Session, name: string) => Promise<void>,
): Promise<number> {
  await forEachMachine(call, async (name) => {
    await change(call.session, name);
    call.inform(`Machine "${name}" ${doneWords[verb]}.`);
  });
  return 0;
}
