import type { Call } from '../call.ts';
import { commands } from '../commands.ts';
import { commandHelp, generalHelp, type HelpOptions } from '../help.ts';
import { unknownCommand } from '../parse.ts';
import { shownVersion } from '../program-version.ts';

/** `help [command]`: what there is, or how one command is used. */
export default async function help(call: Call<'help'>): Promise<number> {
  const { io } = call;
  const options: HelpOptions = { program: io.program, columns: io.stdout.columns };
  const words = call.args
    .filter((word) => !word.startsWith('-'))
    .map((word) => (word === 'h' ? 'help' : word));
  const [first] = words;
  if (first === undefined) {
    const version = await shownVersion(io.host, io.program);
    call.print(await generalHelp({ ...options, version }));
    return 0;
  }
  const command = commands.find(({ name }) => name === words.slice(0, 2).join(' ') || name === first);
  if (command?.name === 'create') {
    const { createHelp } = await import('../create-help.ts');
    call.print(await createHelp(call, undefined));
  } else if (command !== undefined) {
    call.print(await commandHelp({ command }, options));
  } else if (commands.some(({ name }) => name.startsWith(`${first} `))) {
    call.print(await generalHelp(options, first));
  } else {
    throw unknownCommand({ word: first });
  }
  return 0;
}
