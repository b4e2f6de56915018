import { isMachineError, type MachineError } from '../core/errors.ts';
import { listNames } from './list.ts';
import type { Session } from './session.ts';
import { prepareSshFiles } from './ssh-files.ts';
import { openForSsh } from './ssh-program.ts';

/**
 * Blocks of ssh_config(5) for these machines, all at once and in their order.
 * @throws MachineError, or AggregateError of several, when one is not there, does not run or cannot be reached by SSH.
 */
export async function sshConfigOf(session: Session, names: readonly string[]): Promise<string[]> {
  const results = await Promise.allSettled(names.map(async (name) => blockOf(session, name)));
  const errors = results
    .filter((result) => result.status === 'rejected')
    .map(({ reason }) => reason as unknown);
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  }
  return results.map((result) => (result.status === 'fulfilled' ? result.value : ''));
}

/** The same for all machines of the store; of one for which there is no block a comment says why. */
export async function sshConfigOfAll(session: Session): Promise<string[]> {
  const names = await listNames(session);
  return Promise.all(
    names.map(async (name) => {
      try {
        return await blockOf(session, name);
      } catch (error) {
        session.signal.throwIfAborted();
        if (isMachineError(error) && error.code !== 'bug') {
          return `# ${name}: ${reasonOf(error)}`;
        }
        throw error;
      }
    }),
  );
}

async function blockOf(session: Session, name: string): Promise<string> {
  const files = await prepareSshFiles(session, await openForSsh(session, name));
  return files.userConfig;
}

/** One line: what comes from a record or a driver must not become a setting. */
function reasonOf({ code, message }: MachineError): string {
  return code === 'machine-not-running' ? 'not running' : message.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
