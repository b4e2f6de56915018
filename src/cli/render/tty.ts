import { styleText } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { MachineEvent } from '../../core/events.ts';
import type { Clock } from '../../host/types.ts';
import { describe, labelOf } from './plain.ts';
import type { Renderer, RendererOptions } from './renderer.ts';
import { formatDuration, formatProgress, printable, redact } from './text.ts';

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frameMs = 100;

interface RunningStep {
  readonly machine: string;
  readonly step: string;
  readonly summary: string;
  readonly startedMs: number;
}

type Style = 'green' | 'red' | 'yellow' | 'dim';

/** Everything that is drawn below the lines that stay. */
interface Screen {
  running: RunningStep[];
  /** Phases that guests reported, by machine. */
  readonly phases: Map<string, string[]>;
  readonly progress: Map<string, string>;
  below: (() => readonly string[]) | undefined;
  /** Counts the turns of the spinner. */
  frame: number;
}

/**
 * A live display: finished steps stay as lines with their time, running ones are redrawn below them with a spinner,
 * the time so far and the guest's last phase.
 */
export function createTtyRenderer({ stream, host, secrets }: RendererOptions): Renderer {
  // The cursor stays visible: hiding it would need a hook on every way out of the process.
  const live = createLogUpdate(stream, { showCursor: true });
  const { clock, facts } = host;
  const hasColour = (facts.env['NO_COLOR'] ?? '') === '';
  const pen: Pen = {
    paint: (style, text) => (hasColour ? styleText(style, text, { validateStream: false }) : text),
    safe: (text) => redact(printable(text), secrets),
  };
  const screen: Screen = { running: [], phases: new Map(), progress: new Map(), below: undefined, frame: 0 };
  const redraw = (): void => {
    const lines = liveLines(screen, clock.monotonicMs(), pen);
    if (lines.length === 0) {
      live.clear();
    } else {
      live(lines.join('\n'));
    }
  };
  const aside = (write: () => void): void => {
    live.clear();
    write();
    redraw();
  };
  const keep = (text: string): void => {
    aside(() => stream.write(`${text}\n`));
  };
  const ticker = createTicker(clock, () => {
    screen.frame += 1;
    redraw();
  });
  const turn = (): void => {
    ticker.runWhile(screen.running.length > 0 || screen.progress.size > 0 || screen.below !== undefined);
  };
  return {
    show: (event) => {
      const line = applyEvent(screen, event, clock.monotonicMs());
      if (line === undefined) {
        redraw();
      } else {
        keep(keptLine(line, pen));
      }
      turn();
    },
    line: (text) => {
      keep(pen.safe(text));
    },
    aside,
    drawBelow: (lines) => {
      screen.below = lines;
      redraw();
      turn();
    },
    close: () => {
      screen.below = undefined;
      screen.running = [];
      screen.progress.clear();
      ticker.runWhile(false);
      live.clear();
    },
  };
}

/** How text gets onto the screen. */
interface Pen {
  readonly paint: (style: Style, text: string) => string;
  /** Takes out secrets and what would act on the terminal. */
  readonly safe: (text: string) => string;
}

function liveLines(screen: Screen, nowMs: number, { paint, safe }: Pen): string[] {
  const sign = frames[screen.frame % frames.length] ?? '';
  const steps = screen.running.map((step) => {
    const phase = screen.phases.get(step.machine)?.at(-1);
    const seconds = Math.floor((nowMs - step.startedMs) / 1000);
    const tail = `${seconds} s${phase === undefined ? '' : `, ${phase}`}`;
    return `${paint('yellow', sign)} ${safe(labelOf(step))} ${paint('dim', safe(tail))}`;
  });
  const progress = [...screen.progress].map(([label, state]) => `  ${safe(label)} ${paint('dim', state)}`);
  const below = (screen.below?.() ?? []).map((text, index) =>
    index === 0 ? `${paint('yellow', sign)} ${safe(text)}` : paint('dim', safe(text)),
  );
  return [...steps, ...progress, ...below];
}

function keptLine({ text, mark, note }: KeptLine, { paint, safe }: Pen): string {
  const sign = mark === undefined ? '' : `${paint(mark.style, mark.sign)} `;
  return `${sign}${safe(text)}${note === undefined ? '' : ` ${paint('dim', safe(note))}`}`;
}

/** Calls back ten times a second while there is something to draw; otherwise nothing keeps the process alive. */
function createTicker(clock: Clock, onTick: () => void): { runWhile(isBusy: boolean): void } {
  let stop: AbortController | undefined;
  const tick = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await clock.sleep(frameMs, signal).catch(() => undefined);
      if (signal.aborted) {
        return;
      }
      onTick();
    }
  };
  return {
    runWhile: (isBusy) => {
      if (isBusy && stop === undefined) {
        stop = new AbortController();
        void tick(stop.signal);
      } else if (!isBusy) {
        stop?.abort();
        stop = undefined;
      }
    },
  };
}

/** A line that stays on the screen. */
interface KeptLine {
  readonly text: string;
  readonly mark?: { readonly sign: string; readonly style: Style };
  readonly note?: string;
}

const okMark = { sign: '✔', style: 'green' } as const;
const failedMark = { sign: '✖', style: 'red' } as const;

/** Changes what is drawn, and says which line stays, if any. */
function applyEvent(screen: Screen, event: MachineEvent, nowMs: number): KeptLine | undefined {
  switch (event.type) {
    case 'step-begin':
      screen.running.push({
        machine: event.machine,
        step: event.step,
        summary: event.summary,
        startedMs: nowMs,
      });
      return undefined;
    case 'step-done':
    case 'step-failed': {
      const step = screen.running.find((each) => each.machine === event.machine && each.step === event.step);
      screen.running = screen.running.filter((each) => each !== step);
      const phases = screen.phases.get(event.machine) ?? [];
      screen.phases.delete(event.machine);
      screen.progress.clear();
      const text = step === undefined ? `(${event.machine}) ${event.step}` : labelOf(step);
      if (event.type === 'step-failed') {
        return { text, mark: failedMark };
      }
      const time = step === undefined ? 'was done already' : formatDuration(nowMs - step.startedMs);
      return { text, mark: okMark, note: [time, ...phases].join(', ') };
    }
    case 'phase': {
      const phase = `${event.phase} ${formatDuration(event.atSeconds * 1000)}`;
      screen.phases.set(event.machine, [...(screen.phases.get(event.machine) ?? []), phase]);
      return undefined;
    }
    case 'progress':
      if (event.total !== undefined && event.done >= event.total) {
        screen.progress.delete(event.label);
      } else {
        screen.progress.set(event.label, formatProgress(event.done, event.total));
      }
      return undefined;
    case 'warn':
      return { text: describe(event) ?? '', mark: { sign: '!', style: 'yellow' } };
    case 'step-undone':
    case 'debug':
    case 'note':
      return { text: describe(event) ?? '' };
  }
}
