import { readFileSync } from 'node:fs';
import path from 'node:path';
import { projectRoot } from '../../support/cli.ts';

/** A call of VirtualBox 7.2.22 as it was recorded; long descriptions of machines are cut. */
interface Sample {
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

const file = path.join(projectRoot, 'test', 'fixtures', 'virtualbox', 'samples.json');
const samples = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Sample>;

/** The sample of this name. @throws Error when there is none. */
export function sample(name: string): Sample {
  const found = samples[name];
  if (found === undefined) {
    throw new Error(`there is no sample "${name}"`);
  }
  return found;
}
