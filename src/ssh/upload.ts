import { MachineError } from '../core/errors.ts';
import { capture } from './exec.ts';
import { quoteArgument, quoteArgv } from './quote.ts';
import type { SshConnection, UploadOptions } from './types.ts';

/** A file to be written on the other side. */
export interface Upload {
  readonly data: string | Uint8Array;
  readonly remotePath: string;
  readonly mode: number;
  /** Random bytes for the name of the temporary file. */
  readonly token: Uint8Array;
}

/** See SshConnection.upload. The content goes over stdin: a command line can be seen by every user there. */
export async function uploadFile(
  connection: Pick<SshConnection, 'exec'>,
  upload: Upload,
  options: UploadOptions,
): Promise<void> {
  const bytes = typeof upload.data === 'string' ? Buffer.from(upload.data, 'utf8') : upload.data;
  const argv = ['sh', '-c', uploadScript(upload, bytes.length)];
  const command = quoteArgv(options.sudo === true ? ['sudo', '-n', ...argv] : argv);
  const label = `writing ${upload.remotePath}`;
  const end = await capture(connection, command, {
    stdin: bytes,
    label,
    timeoutMs: options.timeoutMs,
    signal: options.signal,
  });
  if (end.exitCode !== 0) {
    throw new MachineError(
      'program-failed',
      `The file ${upload.remotePath} could not be written on the machine.`,
      {
        why:
          end.stderr
            .replace(/\p{Cc}+/gu, ' ')
            .trim()
            .slice(0, 300) || `Exit code ${String(end.exitCode ?? end.signal)}.`,
        facts: { exitCode: end.exitCode },
      },
    );
  }
}

/**
 * A cut connection looks like the end of the input from the other side, so the length is compared before the
 * file gets its name.
 */
export function uploadScript(upload: Omit<Upload, 'data'>, sizeBytes: number): string {
  const final = quoteArgument(upload.remotePath);
  const temporary = quoteArgument(`${upload.remotePath}.${Buffer.from(upload.token).toString('hex')}.tmp`);
  const mode = upload.mode.toString(8).padStart(3, '0');
  return (
    [
      `t=${temporary}; umask 077`,
      `{ [ ! -d ${final} ] && cat >"$t" && [ "$(wc -c <"$t")" -eq ${sizeBytes} ] && chmod ${mode} "$t" && mv -f "$t" ${final}; }`,
    ].join('; ') + ' || { rm -f "$t"; exit 1; }'
  );
}
