import type { Host } from '../host/types.ts';

/** Questions of many machines of a command to one cloud that need not be sent one by one. */

/** Asks for several things; what is not there is not in the answer. */
export type AskMany<T> = (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;

interface Question {
  readonly id: string;
  readonly ask: AskMany<unknown>;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Queue {
  isBusy: boolean;
  waiting: Question[];
}

interface Kept {
  readonly untilMs: number;
  readonly answer: Promise<unknown>;
}

const queues = new WeakMap<Host, Map<string, Queue>>();
const answers = new WeakMap<Host, Map<string, Kept>>();
const keptMs = 60_000;

/**
 * Asks for one thing: at once, or, while an earlier question of the same topic is on its way, after that and together with
 * all that wait by then. No answer is older than its question.
 * @param topic who is asked for what: an account, an endpoint, a kind of things
 * @throws what `ask` throws for this thing alone.
 */
export async function askTogether<T>(
  host: Host,
  { topic, id, ask }: { readonly topic: string; readonly id: string; readonly ask: AskMany<T> },
): Promise<T | undefined> {
  const all = queues.get(host) ?? new Map<string, Queue>();
  queues.set(host, all);
  const queue = all.get(topic) ?? { isBusy: false, waiting: [] };
  all.set(topic, queue);
  return new Promise<T | undefined>((resolve, reject) => {
    queue.waiting.push({
      id,
      ask,
      resolve: (answer) => {
        resolve(answer as T | undefined);
      },
      reject,
    });
    if (!queue.isBusy) {
      queue.isBusy = true;
      void sendAll(queue);
    }
  });
}

/**
 * An answer that is the same for all machines of a command: what a cloud offers. It is asked for again when it is a minute
 * old, or was an error.
 */
export async function askOnce<T>(
  host: Host,
  { topic, ask }: { readonly topic: string; readonly ask: () => Promise<T> },
): Promise<T> {
  const all = answers.get(host) ?? new Map<string, Kept>();
  answers.set(host, all);
  const known = all.get(topic);
  const nowMs = host.clock.monotonicMs();
  if (known !== undefined && nowMs < known.untilMs) {
    // Somebody else's failure, or interrupt, is not ours.
    return (known.answer as Promise<T>).catch(ask);
  }
  const answer = ask();
  const kept = { untilMs: nowMs + keptMs, answer };
  all.set(topic, kept);
  answer.catch(() => {
    if (all.get(topic) === kept) {
      all.delete(topic);
    }
  });
  return answer;
}

async function sendAll(queue: Queue): Promise<void> {
  for (let batch = take(queue); batch !== undefined; batch = take(queue)) {
    const [{ ask }] = batch;
    try {
      const found = await ask([...new Set(batch.map(({ id }) => id))]);
      for (const { id, resolve } of batch) {
        resolve(found.get(id));
      }
    } catch (error) {
      const [only, ...others] = batch;
      if (others.length === 0) {
        only.reject(error);
      } else {
        await Promise.all(batch.map(askAlone));
      }
    }
  }
  queue.isBusy = false;
}

function take(queue: Queue): readonly [Question, ...Question[]] | undefined {
  const [first, ...more] = queue.waiting.splice(0);
  return first === undefined ? undefined : [first, ...more];
}

/** One of them may be why all of it failed. */
async function askAlone({ id, ask, resolve, reject }: Question): Promise<void> {
  try {
    resolve((await ask([id])).get(id));
  } catch (error) {
    reject(error);
  }
}
