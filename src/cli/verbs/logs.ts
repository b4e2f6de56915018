import { followLog, readLogs } from '../../machine/logs.ts';
import type { Call } from '../call.ts';

/** `logs [name]`: what the machine's logs hold; `--follow` goes on with one of them until it is interrupted. */
export default async function logs(call: Call<'logs'>): Promise<number> {
  const { io, session, options } = call;
  const machine = call.args[0] ?? '';
  if (options.follow === true) {
    await followLog(session, machine, options.log, (text) => {
      io.stdout.write(text);
    });
    return 0;
  }
  const found = await readLogs(session, machine, options.log);
  for (const { name, text } of found) {
    if (found.length > 1) {
      call.print(`==> ${name} <==`);
    }
    io.stdout.write(text === '' || text.endsWith('\n') ? text : `${text}\n`);
  }
  return 0;
}
