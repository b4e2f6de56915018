import type { AnyCall } from './call.ts';

/**
 * Asks a question to be answered with y or n; an answer that begins with y or Y is yes.
 * @returns undefined when the input ended without an answer.
 */
export async function askYesNo(call: AnyCall, question: string): Promise<boolean | undefined> {
  call.people.write(question);
  const answer = await readLine(call);
  if (answer === undefined) {
    // docker-machine leaves the line open.
    call.people.write(call.io.program === 'docker-machine' ? '' : '\n');
    return undefined;
  }
  return /^y/i.test(answer.trim());
}

/** The first line of stdin; undefined when it ends before there is one. */
async function readLine({ io, session }: AnyCall): Promise<string | undefined> {
  const { stdin } = io;
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (answer: string | undefined): void => {
      stdin.off('data', onData).off('end', onEnd).off('error', onEnd);
      session.signal.removeEventListener('abort', onAbort);
      // A stream that is still read would keep the process alive.
      stdin.pause();
      resolve(answer);
    };
    const onData = (chunk: Buffer | string): void => {
      text += chunk.toString();
      const end = text.indexOf('\n');
      if (end !== -1) {
        finish(text.slice(0, end));
      }
    };
    const onEnd = (): void => {
      finish(text === '' ? undefined : text);
    };
    const onAbort = (): void => {
      stdin.pause();
      reject(session.signal.reason as Error);
    };
    stdin.on('data', onData).on('end', onEnd).on('error', onEnd);
    session.signal.addEventListener('abort', onAbort, { once: true });
  });
}
