import { join } from 'node:path';
import type { Host } from '../host/types.ts';
import type { ProgramName } from './io.ts';

/** The docker-machine whose command line, texts and store this program keeps to. */
const compatibleVersion = '0.16.2';

/** The version in package.json. */
export async function programVersion(host: Host): Promise<string> {
  const text = await host.files.readText(join(host.facts.packageRoot, 'package.json'));
  return (JSON.parse(text) as { readonly version: string }).version;
}

/**
 * The version as it is shown. Callers of docker-machine compare its number with the oldest that they work with, so
 * under that name it is that of the docker-machine which this program stands in for, and the build says who it is.
 */
export async function shownVersion(host: Host, program: ProgramName): Promise<string> {
  const version = await programVersion(host);
  return program === 'docker-machine' ? `${compatibleVersion}, build tsmachine-${version}` : version;
}
