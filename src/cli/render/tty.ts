import { styleText } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { MachineEvent } from '../../core/events.ts';
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
  const screen: Screen = { running: [], phases: new Map(), progress: new Map() };
  let stopTicking: AbortController | undefined;
  let frame = 0;

  const paint = (style: Style, text: string): string =>
    hasColour ? styleText(style, text, { validateStream: false }) : text;
  const safe = (text: string): string => redact(printable(text), secrets);

  const redraw = (): void => {
    const lines = screen.running.map((step) => {
      const phase = screen.phases.get(step.machine)?.at(-1);
      const seconds = Math.floor((clock.monotonicMs() - step.startedMs) / 1000);
      const tail = `${seconds} s${phase === undefined ? '' : `, ${phase}`}`;
      return `${paint('yellow', frames[frame % frames.length] ?? '')} ${safe(labelOf(step))} ${paint('dim', safe(tail))}`;
    });
    for (const [label, state] of screen.progress) {
      lines.push(`  ${safe(label)} ${paint('dim', state)}`);
    }
    if (lines.length === 0) {
      live.clear();
    } else {
      live(lines.join('\n'));
    }
  };
  const keep = (text: string): void => {
    live.clear();
    stream.write(`${text}\n`);
    redraw();
  };
  const tick = async (signal: AbortSignal): Promise<void> => {
    for (;;) {
      await clock.sleep(frameMs, signal).catch(() => undefined);
      if (signal.aborted) {
        return;
      }
      frame += 1;
      redraw();
    }
  };
  const tickWhileBusy = (): void => {
    const isBusy = screen.running.length > 0 || screen.progress.size > 0;
    if (isBusy && stopTicking === undefined) {
      stopTicking = new AbortController();
      void tick(stopTicking.signal);
    } else if (!isBusy) {
      stopTicking?.abort();
      stopTicking = undefined;
    }
  };

  return {
    show: (event) => {
      const line = applyEvent(screen, event, clock.monotonicMs());
      if (line !== undefined) {
        const mark = line.mark === undefined ? '' : `${paint(line.mark.style, line.mark.sign)} `;
        const note = line.note === undefined ? '' : ` ${paint('dim', safe(line.note))}`;
        keep(`${mark}${safe(line.text)}${note}`);
      } else {
        redraw();
      }
      tickWhileBusy();
    },
    line: (text) => {
      keep(safe(text));
    },
    aside: (write) => {
      live.clear();
      write();
      redraw();
    },
    close: () => {
      screen.running = [];
      screen.progress.clear();
      tickWhileBusy();
      live.clear();
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
    case 'note':
      return { text: describe(event) ?? '' };
  }
}
