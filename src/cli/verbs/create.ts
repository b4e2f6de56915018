import { setMaxListeners } from 'node:events';
import { awaitShares } from '../../agent/await-shares.ts';
import { ensureAgent } from '../../agent/control.ts';
import { MachineError, messageOf } from '../../core/errors.ts';
import type { MachineEvent } from '../../core/events.ts';
import { settleInParallel } from '../../core/in-parallel.ts';
import type { DriverManifest } from '../../drivers/driver.ts';
import type { CreateRequest } from '../../machine/request.ts';
import type { Call } from '../call.ts';
import { togetherByReason, type FailedMachine } from '../failed-machines.ts';
import { createManyMachines, type ManyMachines } from '../render/many-machines.ts';
import { parseCreateLine } from '../create-line.ts';
import { onErrorOf, type CreateOptions } from '../create-request.ts';
import { explain, makeMachine, requestOf } from '../make-machine.ts';
import { expandNames } from '../name-range.ts';
import { splitSecrets } from '../secret-flags.ts';

/** Machines that are made at once where somebody else does the work. */
const remoteAtOnce = 8;

/** `create [name...]`: makes machines, shows how one would be made, or goes on with one that is half made. */
export default async function create(call: Call<'create'>): Promise<number> {
  const { manifest, values, args, why, given } = await parseCreateLine(call);
  const options = values as unknown as CreateOptions;
  if (values['help'] === true) {
    const { createHelp } = await import('../create-help.ts');
    call.print(await createHelp(call, manifest.name));
    return 0;
  }
  const names = await requireNames(call, manifest, args, options);
  if (options.resume === true) {
    return resume(call, onlyOne(names), options);
  }
  const split = splitSecrets(manifest, values, { given, env: call.io.host.facts.env });
  const requests = names.map((name) => ({
    ...requestOf(name, manifest, split.values),
    secrets: split.secrets,
  }));
  for (const flag of manifest.flags.filter(({ secret }) => secret === true)) {
    call.hide(String(values[flag.name] ?? ''));
  }
  return options.plan === true || requests.length === 1
    ? createOne(call, { manifest, options, why, request: onlyOne(requests) })
    : createMany(call, { manifest, options, why, requests });
}

function onlyOne<T>(items: readonly T[]): T {
  const [only, ...more] = items;
  if (only === undefined || more.length > 0) {
    throw new MachineError('arguments-invalid', '--plan and --resume take one machine.');
  }
  return only;
}

async function resume(call: Call<'create'>, name: string, options: CreateOptions): Promise<number> {
  const { resumeCreate } = await import('../../machine/create.ts');
  const onError = onErrorOf(options);
  call.recoverWith(`create --resume ${name}`);
  await resumeCreate(call.session, name, onError === undefined ? {} : { onError });
  sayHowToConnect(call, name);
  await serve(call, name);
  return 0;
}

/** What a command line comes down to. */
interface Wanted {
  readonly manifest: DriverManifest;
  readonly options: CreateOptions;
  readonly why: string | undefined;
}

async function createOne(
  call: Call<'create'>,
  { manifest, options, why, request }: Wanted & { readonly request: CreateRequest },
): Promise<number> {
  const { name } = request;
  warnOfSwarm(call, request);
  if (options.plan === true) {
    await printPlan(call, request, options.json === true);
    return 0;
  }
  sayDriver(call, manifest, why);
  call.recoverWith(`create --resume ${name}`);
  await makeMachine(call, request);
  if (options.json === true) {
    call.print(JSON.stringify({ name, driver: manifest.name }));
  }
  sayHowToConnect(call, name);
  await serveIfWanted(call, manifest, name);
  return 0;
}

/** Each for itself: what becomes of one is nothing to the others. @throws what went wrong, each reason once. */
async function createMany(
  call: Call<'create'>,
  { manifest, options, why, requests }: Wanted & { readonly requests: readonly CreateRequest[] },
): Promise<number> {
  const atOnce = atOnceOf(call, manifest, options);
  sayDriver(call, manifest, why);
  call.inform(`Making ${requests.length} machines, ${Math.min(atOnce, requests.length)} at a time.`);
  call.recoverWith('ls');
  // Each of them waits for an interrupt, and Node would take that for a leak.
  setMaxListeners(0, call.session.signal);
  const view = options.json === true ? undefined : viewOf(call, requests);
  const failed: FailedMachine[] = [];
  await settleInParallel(requests, atOnce, async (request) => {
    const { name } = request;
    try {
      call.session.signal.throwIfAborted();
      view?.begin(name);
      await makeMachine(view === undefined ? call : watched(call, view, name), request);
      await serveIfWanted(call, manifest, name);
      view?.done(name);
    } catch (error) {
      failed.push({ name, error });
      // Those that an interrupt has kept from being begun are told of in the end.
      if (error !== call.session.signal.reason) {
        view?.failed(name, messageOf(error));
      }
      return;
    }
    if (options.json === true) {
      call.print(JSON.stringify({ name, driver: manifest.name }));
    }
  });
  call.drawBelow();
  call.inform(`${requests.length - failed.length} of ${requests.length} machines are ready.`);
  if (failed.length > 0) {
    const reasons = togetherByReason(failed);
    throw reasons.length === 1
      ? reasons[0]
      : new AggregateError(reasons, `${failed.length} machines failed.`);
  }
  return 0;
}

function viewOf(call: Call<'create'>, requests: readonly CreateRequest[]): ManyMachines {
  const view = createManyMachines({
    names: requests.map(({ name }) => name),
    clock: call.io.host.clock,
    line: (text) => {
      call.inform(text);
    },
    isDrawn: call.drawBelow(() => []),
  });
  call.drawBelow(() => view.lines());
  return view;
}

/** What happens to one of many machines goes to the view; transfers and what only searchers want are shown as ever. */
function watched(call: Call<'create'>, view: ManyMachines, name: string): Call<'create'> {
  const emit = (event: MachineEvent): void => {
    if (event.type === 'progress' || event.type === 'debug') {
      call.session.emit(event);
    } else {
      view.show(name, event);
    }
  };
  return { ...call, session: { ...call.session, emit } };
}

/** At a provider the waiting is long and the work little; on this computer it is the other way round. */
function atOnceOf(call: Call<'create'>, { capabilities }: DriverManifest, options: CreateOptions): number {
  const given = options.parallel;
  if (given !== undefined && (!Number.isInteger(given) || given < 1)) {
    throw new MachineError('arguments-invalid', '--parallel takes a whole number from 1 on.');
  }
  const { cpuCount } = call.io.host.facts;
  return given ?? (capabilities.boots === 'image' ? Math.max(1, Math.floor(cpuCount / 2)) : remoteAtOnce);
}

async function serveIfWanted(
  call: Call<'create'>,
  { capabilities }: DriverManifest,
  name: string,
): Promise<void> {
  if (capabilities.forwards === true || capabilities.shares !== undefined) {
    await serve(call, name);
  }
}

async function serve(call: Call<'create'>, name: string): Promise<void> {
  await ensureAgent(call.session, name);
  await awaitShares(call.session, name);
}

function sayDriver(call: Call<'create'>, manifest: DriverManifest, why: string | undefined): void {
  if (why !== undefined) {
    call.inform(`Using the driver ${manifest.name}: ${why}.`);
  }
}

function warnOfSwarm(call: Call<'create'>, { swarm }: CreateRequest): void {
  if (call.people.isTTY === true && swarm !== undefined && (swarm.swarm || swarm.master)) {
    call.inform(
      'The flags of classic Swarm are recorded, but have no effect: its discovery service is gone.',
    );
  }
}

/**
 * The names that are meant. The help goes to stdout when there is none: completion of shells reads the driver's flags from
 * it. docker-machine takes one.
 */
async function requireNames(
  call: Call<'create'>,
  manifest: DriverManifest,
  args: readonly string[],
  { count }: CreateOptions,
): Promise<string[]> {
  const [name, ...extra] = args;
  if (name === undefined) {
    const { createHelp } = await import('../create-help.ts');
    call.print(await createHelp(call, manifest.name));
    throw new MachineError('arguments-invalid', 'No machine name specified');
  }
  if (call.io.program === 'docker-machine') {
    if (extra.length > 0) {
      throw new MachineError(
        'arguments-invalid',
        `Invalid command line. Found extra arguments [${extra.join(' ')}]`,
      );
    }
    return [name];
  }
  return expandNames(args, count);
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

function sayHowToConnect(call: Call<'create'>, name: string): void {
  call.inform(
    `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: ${call.io.program} env ${name}`,
  );
}
