import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One recorded call of a program of QEMU. */
export interface RecordedCall {
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One line of a recorded QMP conversation. */
export interface RecordedLine {
  readonly argv?: readonly string[];
  readonly recv?: Readonly<Record<string, unknown>>;
  readonly send?: {
    readonly execute: string;
    readonly id: string;
    readonly arguments?: Readonly<Record<string, unknown>>;
  };
  readonly send_raw?: string;
}

const root = fileURLToPath(new URL('../../../../shared/data/qemu-samples/', import.meta.url));

/** Directories of recorded answers, one a version of QEMU; empty where the records are not installed. */
export const sampleVersions: readonly string[] = existsSync(root) ? readdirSync(root).sort() : [];

/** A recorded call, or undefined when this version has none of that name. */
export function recordedCall(version: string, name: string): RecordedCall | undefined {
  const path = `${root}/${version}/${name}.json`;
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as RecordedCall) : undefined;
}

/** A recorded conversation, line by line; empty when this version has none of that name. */
export function recordedConversation(version: string, name: string): readonly RecordedLine[] {
  const path = `${root}/${version}/${name}.jsonl`;
  if (!existsSync(path)) {
    return [];
  }
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as RecordedLine);
}
