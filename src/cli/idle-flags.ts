import type { CommandDefinition } from './definitions.ts';
import type { Io } from './io.ts';
import type { GivenFlag } from './parse.ts';

/** Says to somebody at a terminal that an option, which is accepted for the sake of scripts, has no effect. */
export function noteIdleFlags({ stderr }: Io, command: CommandDefinition, given: readonly GivenFlag[]): void {
  if (stderr.isTTY !== true) {
    return;
  }
  for (const { flag } of given) {
    if (flag.idle !== undefined && !flag.idle.except.includes(command.name)) {
      stderr.write(`Note: --${flag.name} has no effect here: ${flag.idle.why}.\n`);
    }
  }
}
