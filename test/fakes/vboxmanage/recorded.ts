import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../support/cli.ts';

/** One recorded call of VBoxManage. */
export interface RecordedCall {
  readonly file: string;
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

const directory = path.join(projectRoot, '..', 'shared', 'data', 'vbox-7.2.22');

/** Calls of VirtualBox 7.2.22 in their order, of the run `a` or `b`; undefined where they are not at hand. */
export function recordedCalls(run: 'a' | 'b'): RecordedCall[] | undefined {
  if (!existsSync(directory)) {
    return undefined;
  }
  return readdirSync(directory)
    .filter((name) => name.startsWith(run) && name.endsWith('.json'))
    .sort()
    .map((file) => ({
      file,
      ...(JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as Omit<RecordedCall, 'file'>),
    }));
}

/** Usage texts by command; undefined where they are not at hand. */
export function recordedUsage(): Map<string, string> | undefined {
  const help = path.join(directory, 'help');
  if (!existsSync(help)) {
    return undefined;
  }
  return new Map(
    readdirSync(help).map((name) => [
      name.replace(/^help-|\.txt$/g, ''),
      readFileSync(path.join(help, name), 'utf8'),
    ]),
  );
}
