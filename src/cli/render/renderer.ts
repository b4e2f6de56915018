import type { MachineEvent } from '../../core/events.ts';
import type { Host } from '../../host/types.ts';
import type { Io } from '../io.ts';

/** Draws what happens while a command works. */
export interface Renderer {
  show(event: MachineEvent): void;
  /** A line for people that is no event. */
  line(text: string): void;
  /** Runs something that writes to a terminal by itself, with nothing of ours in its way. */
  aside(write: () => void): void;
  /** Draws lines below all others, anew all the time; present where that can be done. Without lines it ends. */
  drawBelow?(lines?: () => readonly string[]): void;
  /** Leaves the screen in order. May be called again. */
  close(): void;
}

/** What every renderer draws with. */
export interface RendererOptions {
  readonly stream: Io['stderr'];
  readonly host: Host;
  /** Grows while the command runs. */
  readonly secrets: readonly string[];
}

/** JSON lines when asked for, a live display on a terminal that can move its cursor, plain lines elsewhere. */
export async function createRenderer(
  options: RendererOptions & { readonly json: boolean },
): Promise<Renderer> {
  if (options.json) {
    return (await import('./json-lines.ts')).createJsonLinesRenderer(options);
  }
  if (options.stream.isTTY === true && options.host.facts.env['TERM'] !== 'dumb') {
    return (await import('./tty.ts')).createTtyRenderer(options);
  }
  return (await import('./plain.ts')).createPlainRenderer(options);
}
