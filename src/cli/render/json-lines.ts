import type { Renderer, RendererOptions } from './renderer.ts';
import { redact } from './text.ts';

/** One JSON object a line: the events as they are. */
export function createJsonLinesRenderer({ stream, secrets }: RendererOptions): Renderer {
  const write = (value: object): void => {
    stream.write(`${redact(JSON.stringify(value), secrets)}\n`);
  };
  return {
    show: write,
    line: (message) => {
      write({ type: 'note', message });
    },
    aside: (run) => {
      run();
    },
    close: () => undefined,
  };
}
