import { join } from 'node:path';
import { isMachineError } from '../../core/errors.ts';
import type { AnyCall, Call } from '../call.ts';

/** `version [name]`: this program's version, or that of a machine's engine. */
export default async function version(call: Call<'version'>): Promise<number> {
  const { host, program } = call.io;
  const [name] = call.args;
  if (name !== undefined) {
    const engine = await engineVersion(call, name);
    call.print(call.options.json === true ? JSON.stringify({ name, engine }) : engine);
    return 0;
  }
  const manifest = JSON.parse(await host.files.readText(join(host.facts.packageRoot, 'package.json'))) as {
    readonly version: string;
  };
  call.print(
    call.options.json === true
      ? JSON.stringify({ program, version: manifest.version })
      : `${program} version ${manifest.version}`,
  );
  return 0;
}

async function engineVersion(call: AnyCall, name: string): Promise<string> {
  const { engineVersionOf } = await import('../../machine/version.ts');
  try {
    return await engineVersionOf(call.session, name);
  } catch (error) {
    if (
      isMachineError(error) &&
      (error.code === 'machine-not-running' || error.code === 'engine-unreachable')
    ) {
      const { rephrased } = await import('../rephrase.ts');
      throw rephrased(error, (message) => `Unable to query docker version: ${message}`);
    }
    throw error;
  }
}
