import type { MachineEvent } from '../../core/events.ts';
import { formatDuration } from './text.ts';

/**
 * How far many machines are that are being made at once, for people: a few lines that are drawn anew on a terminal, and one
 * short line for each part of the way elsewhere. What else happened is in each machine's log.
 */
export interface ManyMachines {
  begin(name: string): void;
  /** What happens to a machine; progress of what all wait for is not its business. */
  show(name: string, event: MachineEvent): void;
  done(name: string): void;
  failed(name: string, message: string): void;
  /** What is to be seen at this moment. */
  lines(): readonly string[];
}

/** What it needs. */
export interface ManyMachinesOptions {
  readonly names: readonly string[];
  readonly clock: { monotonicMs(): number };
  /** Writes a line that stays. */
  readonly line: (text: string) => void;
  /** `lines` are drawn: nothing but trouble is written as well. */
  readonly isDrawn: boolean;
}

/** Parts of the way, in order. */
const parts = ['making', 'starting', 'setting up'] as const;
type Part = (typeof parts)[number];

/** Steps by which a part begins; any other belongs to the part in which it happens. */
const partOfStep: Readonly<Record<string, Part>> = {
  start: 'starting',
  boot: 'starting',
  reach: 'setting up',
};
/** A part that takes this long is worth a name. */
const slowMs = 60_000;
const namedMax = 6;

interface Working {
  part: Part;
  sinceMs: number;
}

/** Machines of which none is begun. */
export function createManyMachines({ names, clock, line, isDrawn }: ManyMachinesOptions): ManyMachines {
  const beganMs = clock.monotonicMs();
  const working = new Map<string, Working>();
  const failures: string[] = [];
  const warned = new Set<string>();
  let doneCount = 0;
  const milestone = (name: string, text: string): void => {
    if (!isDrawn) {
      line(`${name}: ${text}`);
    }
  };
  const enter = (name: string, part: Part): void => {
    working.set(name, { part, sinceMs: clock.monotonicMs() });
    milestone(name, part);
  };
  const count = (): string => `${doneCount} of ${names.length} ready`;
  return {
    begin: (name) => {
      enter(name, 'making');
    },
    show: (name, event) => {
      const present = working.get(name);
      if (event.type === 'step-begin') {
        const part = partOfStep[event.step];
        if (
          part !== undefined &&
          present !== undefined &&
          parts.indexOf(part) > parts.indexOf(present.part)
        ) {
          enter(name, part);
        }
      } else if (event.type === 'warn') {
        // What is said of all of them is said once.
        const general = event.message.replaceAll(name, 'NAME');
        if (!warned.has(general)) {
          warned.add(general);
          line(`${name}: warning: ${event.message}`);
        }
      }
    },
    done: (name) => {
      working.delete(name);
      doneCount += 1;
      milestone(name, `ready after ${formatDuration(clock.monotonicMs() - beganMs)} (${count()})`);
    },
    failed: (name, message) => {
      working.delete(name);
      failures.push(name);
      line(`${name}: failed: ${message}`);
    },
    lines: () => {
      const nowMs = clock.monotonicMs();
      const all = [...working.values()];
      const perPart = parts
        .map((part) => ({ part, number: all.filter((each) => each.part === part).length }))
        .filter(({ number }) => number > 0)
        .map(({ part, number }) => `${number} ${part}`);
      const waiting = names.length - doneCount - failures.length - all.length;
      const counts = [
        count(),
        ...perPart,
        ...(waiting > 0 ? [`${waiting} waiting`] : []),
        ...(failures.length > 0 ? [`${failures.length} failed`] : []),
      ];
      const slow = [...working]
        .filter(([, { sinceMs }]) => nowMs - sinceMs >= slowMs)
        .map(([name, { part, sinceMs }]) => `${name} (${part}, ${formatDuration(nowMs - sinceMs)})`);
      return [
        `${counts.join(', ')}; ${formatDuration(nowMs - beganMs)}`,
        ...(slow.length > 0 ? [`  slow: ${someOf(slow)}`] : []),
        ...(failures.length > 0 ? [`  failed: ${someOf(failures)}`] : []),
      ];
    },
  };
}

/** The first of many, and how many more there are. */
export function someOf(texts: readonly string[]): string {
  const more = texts.length - namedMax;
  return `${texts.slice(0, namedMax).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
