import type { Io } from './io.ts';

/** A text in which commands are those of the program that was called. */
export function inTheNameOf({ program }: Pick<Io, 'program'>, text: string): string {
  return program === 'tsmachine' ? text : text.replace(/(?<![\w./-])tsmachine(?=: | [a-z-])/g, program);
}
