import { isMachineError, MachineError } from '../../core/errors.ts';
import type { AnyCall, Call } from '../call.ts';
import { programVersion, shownVersion } from '../program-version.ts';

/** `version [name]`: this program's version, or that of a machine's engine. */
export default async function version(call: Call<'version'>): Promise<number> {
  const { host, program } = call.io;
  const [name] = call.args;
  const isJson = call.options.json === true;
  if (name !== undefined) {
    const engine = await engineVersion(call, name);
    call.print(isJson ? JSON.stringify({ name, engine }) : engine);
    return 0;
  }
  call.print(
    isJson
      ? JSON.stringify({ program, version: await programVersion(host) })
      : `${program} version ${await shownVersion(host, program)}`,
  );
  return 0;
}

async function engineVersion(call: AnyCall, name: string): Promise<string> {
  const { engineVersionOf } = await import('../../machine/version.ts');
  try {
    return await engineVersionOf(call.session, name);
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
    const { rephrased } = await import('../rephrase.ts');
    switch (error.code) {
      case 'machine-not-running':
      case 'driver-unknown':
        throw rephrased(error, (message) => `Unable to query docker version: ${message}`);
      case 'engine-unreachable':
      case 'tls-mismatch':
      case 'certificate-invalid':
        throw new MachineError(
          error.code,
          'Unable to query docker version: Cannot connect to the docker engine endpoint',
          { cause: error, remedies: error.remedies, facts: { ...error.facts, complete: true } },
        );
      default:
        throw error;
    }
  }
}
