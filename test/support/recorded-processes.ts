import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './cli.ts';

const recorder = pathToFileURL(path.join(projectRoot, 'test', 'fixtures', 'record-processes.mjs')).href;

/** Variables with which the program, and every Node that it starts, writes down the processes that it starts. */
export function recordProcesses(file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import ${recorder}`, RECORD_PROCESSES: file };
}

/** Programs with their arguments, in the order in which they were started. */
export async function startedProcesses(file: string): Promise<readonly (readonly string[])[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as readonly string[]);
}
