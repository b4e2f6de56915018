import path from 'node:path';
import { textField, numberField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import { parse, type AzureToken, type LoginWorld } from './login.ts';

const timeoutMs = 60_000;
/** What is counted on where the CLI does not say how long a token lives. */
const lifetimeMs = 5 * 60_000;

/**
 * A token of whoever is logged in with the Azure CLI; undefined where it is not installed or nobody is.
 * @throws MachineError `program-failed`, `credentials-missing`.
 */
export async function cliToken({
  host,
  signal,
  audience,
  tenantId,
  subscriptionId,
}: LoginWorld): Promise<AzureToken | undefined> {
  const { env, homeDirectory } = host.facts;
  const directory = env['AZURE_CONFIG_DIR'] ?? '';
  const profile = path.join(
    directory === '' ? path.join(homeDirectory, '.azure') : directory,
    'azureProfile.json',
  );
  const isLoggedIn = (await host.files.stat(profile).catch(() => undefined)) !== undefined;
  const program = isLoggedIn ? await host.processes.find('az') : undefined;
  if (program === undefined) {
    return undefined;
  }
  const who = tenantId === '' ? ['--subscription', subscriptionId] : ['--tenant', tenantId];
  const { stdout } = await host.processes.run(
    program,
    ['account', 'get-access-token', '--output', 'json', '--resource', `${audience}/`, ...who],
    { timeoutMs, signal },
  );
  const answer = parse(stdout);
  const value = textField(answer, 'accessToken');
  if (value === undefined || !/^[\x21-\x7e]+$/.test(value)) {
    throw new MachineError('credentials-missing', 'The Azure CLI printed no token.');
  }
  // Seconds since the epoch; older versions have only a local time without its zone.
  const seconds = numberField(answer, 'expires_on');
  const expiresMs = seconds === undefined ? host.clock.nowMs() + lifetimeMs : seconds * 1000;
  return { value, from: 'the Azure CLI', expiresMs };
}
