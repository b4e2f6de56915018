import { MachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { machinePaths } from './machine-paths.ts';

/** Secrets of a machine by flag of its driver; none when it has no file of them. @throws MachineError `record-invalid`. */
export async function readSecrets(host: Host, directory: string): Promise<Readonly<Record<string, string>>> {
  const { secrets: path } = machinePaths(directory);
  let text: string;
  try {
    text = await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return {};
    }
    throw error;
  }
  const values = parse(text);
  if (values === undefined) {
    throw new MachineError('record-invalid', `${path} cannot be used.`, {
      why: 'It should be one JSON object of texts.',
    });
  }
  return values;
}

/** Keeps secrets beside the record, for the owner alone; without any there is no file. */
export async function writeSecrets(
  host: Host,
  directory: string,
  secrets: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(secrets).length > 0) {
    await host.files.writeAtomic(machinePaths(directory).secrets, `${JSON.stringify(secrets)}\n`, 0o600);
  }
}

function parse(text: string): Readonly<Record<string, string>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isRight =
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((each) => typeof each === 'string');
    return isRight ? (value as Record<string, string>) : undefined;
  } catch {
    return undefined;
  }
}
