import { liveContainersPath, readContainers, type RunningContainer } from '../engine/containers.ts';
import { EventReader, eventsPath } from '../engine/events.ts';
import { openEngineLink, type EngineLink, type LinkAnswer } from '../engine/link.ts';
import { tlsMaterial } from '../machine/connection.ts';
import { driverContext, type OpenMachine } from '../machine/open.ts';
import type { Session } from '../machine/session.ts';

/** How often all containers are looked at although nothing has happened, in ms. */
const resyncMs = 30_000;
const tickMs = 5_000;
const answerTimeoutMs = 10_000;

/** Who is told what. */
export interface Watcher {
  /** The stream of events has begun. */
  onConnect(): void;
  /** Asked every few seconds; true asks for the containers at once. */
  hasJumped(): boolean;
  /** The containers that run or are about to, after every event and every half a minute. The next look waits until this has ended. */
  onContainers(containers: readonly RunningContainer[], answer: LinkAnswer): Promise<void>;
}

/**
 * Watches the containers of an engine, with the certificates as they are now.
 * @throws whatever ended it: the connection, or the session's signal. It never just returns.
 */
export async function watchEngine(session: Session, machine: OpenMachine, watcher: Watcher): Promise<never> {
  const { engineUrl } = await machine.driver.inspect(driverContext(session, machine));
  if (engineUrl === undefined) {
    throw new Error('the machine has no engine at this moment');
  }
  const link = openEngineLink(session.host, engineUrl, await tlsMaterial(session, machine.directory));
  const onAbort = (): void => {
    link.close();
  };
  session.signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await follow(session, link, watcher);
  } finally {
    session.signal.removeEventListener('abort', onAbort);
    link.close();
  }
}

async function follow(session: Session, link: EngineLink, watcher: Watcher): Promise<never> {
  const { clock } = session.host;
  const news = new News();
  const reader = new EventReader();
  const stream = link.stream(eventsPath, {
    onOpen: () => {
      watcher.onConnect();
      news.tell();
    },
    onData: (chunk) => {
      if (reader.feed(chunk).length > 0) {
        news.tell();
      }
    },
  });
  const lost = stream.then(() => {
    throw new Error('the engine has ended the stream of events');
  });
  lost.catch(() => undefined);
  await Promise.race([news.next(), lost, late(session)]);
  for (;;) {
    news.forget();
    const answer = await Promise.race([link.get(liveContainersPath, { timeoutMs: answerTimeoutMs }), lost]);
    await watcher.onContainers(readContainers(answer.body), answer);
    const dueMs = clock.monotonicMs() + resyncMs;
    while (!news.isThere && !watcher.hasJumped() && clock.monotonicMs() < dueMs) {
      await pause(session, news, lost);
    }
  }
}

/** Waits for news, at most a few seconds. */
async function pause(session: Session, news: News, lost: Promise<never>): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const tick = session.host.clock.sleep(tickMs, signal);
  tick.catch(() => undefined);
  try {
    await Promise.race([tick, news.next(), lost]);
  } finally {
    over.abort(new Error('done'));
  }
}

async function late({ host, signal }: Session): Promise<never> {
  await host.clock.sleep(answerTimeoutMs, signal);
  throw new Error('the engine did not answer in time');
}

/** Remembers that there was news until it is forgotten, and wakes who waits for it. */
class News {
  isThere = false;
  #wake: () => void = () => undefined;
  #next: Promise<void> = Promise.resolve();

  constructor() {
    this.forget();
  }

  tell(): void {
    this.isThere = true;
    this.#wake();
  }

  forget(): void {
    this.isThere = false;
    this.#next = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  async next(): Promise<void> {
    return this.#next;
  }
}
