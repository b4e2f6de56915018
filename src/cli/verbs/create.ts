import { isMachineError, MachineError } from '../../core/errors.ts';
import type { DriverManifest, FlagValues } from '../../drivers/driver.ts';
import { defaultDriver, loadManifest } from '../../drivers/registry.ts';
import type { CreateRequest } from '../../machine/request.ts';
import type { Call } from '../call.ts';
import { helpFlag } from '../commands.ts';
import { createFlags } from '../create-flags.ts';
import { createRequest, onErrorOf, type CreateOptions } from '../create-request.ts';
import type { CommandFlag } from '../definitions.ts';
import { resolveFlags, tokenize } from '../parse.ts';
import { rephrased } from '../rephrase.ts';

/** Reading a line with another driver's flags can make it name yet another one; then the last reading holds. */
const driverAttemptsMax = 3;
const commonFlags: readonly CommandFlag[] = [...createFlags, helpFlag];

/** A command line of `create`, with the driver that it names. */
interface CreateLine {
  readonly values: FlagValues;
  readonly args: readonly string[];
  readonly manifest: DriverManifest;
  /** Why this driver, when nobody named one. */
  readonly why: string | undefined;
}

/** `create [name]`: makes a machine, shows how it would be made, or goes on with one that is half made. */
export default async function create(call: Call<'create'>): Promise<number> {
  const { manifest, values, args, why } = await parse(call);
  const options = values as unknown as CreateOptions;
  if (values['help'] === true) {
    const { printCreateHelp } = await import('../create-help.ts');
    await printCreateHelp(call, manifest.name);
    return 0;
  }
  const name = await requireName(call, manifest, args);
  if (options.resume === true) {
    const { resumeCreate } = await import('../../machine/create.ts');
    const onError = onErrorOf(options);
    call.recoverWith(`create --resume ${name}`);
    await resumeCreate(call.session, name, onError === undefined ? {} : { onError });
    sayHowToConnect(call, name);
    return 0;
  }
  const request = createRequest(name, manifest, values);
  for (const flag of manifest.flags.filter(({ secret }) => secret === true)) {
    call.hide(String(values[flag.name] ?? ''));
  }
  if (options.plan === true) {
    await printPlan(call, request, options.json === true);
    return 0;
  }
  if (why !== undefined) {
    call.inform(`Using the driver ${manifest.name}: ${why}.`);
  }
  await make(call, request);
  if (options.json === true) {
    call.print(JSON.stringify({ name, driver: manifest.name }));
  }
  sayHowToConnect(call, name);
  return 0;
}

/**
 * Reads the command line with the flags of the driver that it names itself. The name is looked for first among the flags
 * that every driver has; when the whole line then says another one, it is read again with that one's flags.
 */
async function parse(call: Call<'create'>): Promise<CreateLine> {
  const { env } = call.io.host.facts;
  const first = tokenize(commonFlags, call.args, { skipUnknown: true });
  let driverName = driverOf(resolveFlags(createFlags.slice(0, 1), first.given, env));
  for (let attempt = 1; ; attempt += 1) {
    const fallback = driverName === undefined ? await defaultDriver(call.io.host) : undefined;
    const manifest = await loadManifest(fallback?.name ?? driverName ?? '', call.session);
    const flags = [...commonFlags, ...manifest.flags];
    call.expectFlags(flags);
    const { given, args } = tokenize(flags, call.args);
    const values = resolveFlags(flags, given, env);
    const named = driverOf(values);
    if (named === driverName || named === undefined || attempt === driverAttemptsMax) {
      return { values, args, manifest, why: fallback?.why };
    }
    driverName = named;
  }
}

function driverOf(values: FlagValues): string | undefined {
  const name = values['driver'];
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** The help goes to stdout when the name is missing: completion of shells reads the driver's flags from it. */
async function requireName(
  call: Call<'create'>,
  manifest: DriverManifest,
  args: readonly string[],
): Promise<string> {
  const [name, ...extra] = args;
  if (extra.length > 0) {
    throw new MachineError(
      'arguments-invalid',
      `Invalid command line. Found extra arguments [${extra.join(' ')}]`,
    );
  }
  if (name === undefined) {
    const { printCreateHelp } = await import('../create-help.ts');
    await printCreateHelp(call, manifest.name);
    throw new MachineError('arguments-invalid', 'No machine name specified');
  }
  return name;
}

async function printPlan(call: Call<'create'>, request: CreateRequest, asJson: boolean): Promise<void> {
  const { planCreate } = await import('../../machine/create.ts');
  const steps = await planCreate(call.session, request).catch(explain);
  if (asJson) {
    call.print(JSON.stringify(steps, undefined, 2));
    return;
  }
  for (const [index, { name, summary, undoable }] of steps.entries()) {
    call.print(`${String(index + 1).padStart(2)}. ${summary} [${name}${undoable ? ', can be undone' : ''}]`);
  }
}

async function make(call: Call<'create'>, request: CreateRequest): Promise<void> {
  const { createMachine } = await import('../../machine/create.ts');
  call.recoverWith(`create --resume ${request.name}`);
  await createMachine(call.session, request).catch(explain);
}

/** Mistakes in a driver's flags in docker-machine's words. */
function explain(error: unknown): never {
  const isFlag = isMachineError(error) && (error.code === 'flag-invalid' || error.code === 'flag-unknown');
  throw isFlag
    ? rephrased(error, (message) => `Error setting machine configuration from flags provided: ${message}`)
    : error;
}

function sayHowToConnect(call: Call<'create'>, name: string): void {
  call.inform(
    `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: ${call.io.program} env ${name}`,
  );
}
