import type { MachineEvent } from '../../core/events.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { formatDuration, formatProgress, printable, redact } from './text.ts';

/** A line is printed each time so many per cent more are done. */
const progressStepPercent = 10;

/** Lines without colour or cursor movement, for pipes, files and CI. */
export function createPlainRenderer({ stream, secrets }: RendererOptions): Renderer {
  const shownTenths = new Map<string, number>();
  const routine = new Set<string>();
  const write = (text: string): void => {
    stream.write(`${redact(printable(text), secrets)}\n`);
  };
  return {
    show: (event) => {
      if (isOfRoutine(event, routine)) {
        return;
      }
      if (event.type !== 'progress' || isWorthALine(event, shownTenths)) {
        const text = describe(event);
        if (text !== undefined) {
          write(text);
        }
      }
    },
    line: write,
    aside: (run) => {
      run();
    },
    close: () => undefined,
  };
}

/** The line of an event; undefined when it says nothing new to a reader of lines. */
export function describe(event: MachineEvent): string | undefined {
  const prefix = 'machine' in event ? `(${event.machine}) ` : '';
  switch (event.type) {
    case 'step-begin':
      return `${labelOf(event).replace(/\.*$/, '')}...`;
    case 'step-done':
      return event.adopted === true ? `${prefix}${event.step}: was done already` : undefined;
    case 'step-failed':
      return `${prefix}${event.step}: failed`;
    case 'step-undone':
      return `${prefix}${event.step}: undone`;
    case 'phase':
      return `${prefix}  ${event.phase} after ${formatDuration(event.atSeconds * 1000)}`;
    case 'progress':
      return `${event.label}: ${formatProgress(event.done, event.total)}`;
    case 'debug':
      return `${prefix}DBG | ${event.message}`;
    case 'note':
      return `${prefix}${event.message}`;
    case 'warn':
      return `${prefix}warning: ${event.message}`;
  }
}

/** A step's summary with the machine it is for, unless it says that itself. */
export function labelOf({
  machine,
  summary,
}: {
  readonly machine: string;
  readonly summary: string;
}): string {
  return summary.includes(`"${machine}"`) ? summary : `(${machine}) ${summary}`;
}

/** Steps that go without saying are not mentioned when they fail either: the error is. */
function isOfRoutine(event: MachineEvent, routine: Set<string>): boolean {
  if (event.type === 'step-begin' && event.isRoutine === true) {
    routine.add(`${event.machine} ${event.step}`);
    return true;
  }
  return event.type === 'step-failed' && routine.has(`${event.machine} ${event.step}`);
}

function isWorthALine(
  { label, done, total }: Extract<MachineEvent, { type: 'progress' }>,
  shown: Map<string, number>,
): boolean {
  if (total === undefined || total <= 0) {
    const isFirst = !shown.has(label);
    shown.set(label, 0);
    return isFirst;
  }
  const step = Math.floor(((done / total) * 100) / progressStepPercent);
  if (step <= (shown.get(label) ?? -1)) {
    return false;
  }
  shown.set(label, step);
  return true;
}
