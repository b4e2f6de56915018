import { MachineError, messageOf } from '../../core/errors.ts';
import { endAgent } from '../../agent/control.ts';
import type { Garbage } from '../../machine/garbage/judge.ts';
import type { Problem } from '../../machine/garbage/places.ts';
import { findGarbage, removeGarbage, type Removal } from '../../machine/garbage/sweep.ts';
import { removeMachine } from '../../machine/remove.ts';
import { askYesNo } from '../ask.ts';
import type { Call } from '../call.ts';
import type { OptionsOf } from '../commands.ts';
import { driverCommandHelp } from '../driver-help.ts';
import { readDriverLine } from '../driver-line.ts';
import { parseGoDuration } from '../go-duration.ts';
import { formatAge } from '../render/age.ts';
import { formatTable } from '../render/table.ts';
import { unseen, wrapped } from '../place-errors.ts';
import { wantedPlace } from '../wanted-place.ts';

/** `gc`: removes what machines have left at providers. */
export default async function gc(call: Call<'gc'>): Promise<number> {
  const line = await readDriverLine(call, {
    flags: call.command.flags,
    help: async (driverName) => driverCommandHelp(call, driverName),
  });
  const options = line.values as unknown as OptionsOf<'gc'>;
  if (line.values['help'] === true) {
    call.print(await driverCommandHelp(call, line.manifest?.name));
    return 0;
  }
  if (line.args.length > 0) {
    throw new MachineError('arguments-invalid', 'Too many arguments given');
  }
  const olderThanMs = ageOf(options['older-than']);
  const { garbage, problems } = await findGarbage(call.session, {
    ...wantedPlace(call, line).wanted,
    olderThanMs,
  });
  const isDry = options['dry-run'] === true;
  const asJson = options.json === true;
  if (isDry || garbage.length === 0) {
    if (garbage.length > 0 || asJson) {
      show(call, garbage, asJson);
      sayAdopt(call, garbage);
    } else if (problems.length === 0) {
      call.inform('Nothing is left over.');
    }
    return endWith(call, problems, []);
  }
  if (!asJson) {
    show(call, garbage, false);
  }
  if (options.y !== true && !(await confirm(call, garbage.length))) {
    return endWith(call, problems, []);
  }
  const removals = await removeGarbage(call.session, garbage, {
    removeRecorded: async (name) => {
      await endAgent(call.session, name);
      await removeMachine(call.session, name, { force: false });
    },
    onRemoved: (each) => {
      call.inform(`Removed: ${nameOf(each)}`);
    },
  });
  if (asJson) {
    const rows = removals.map(({ garbage: each, removed }) => ({ ...toJson(each), removed }));
    call.print(JSON.stringify(rows, undefined, 2));
  }
  return endWith(call, problems, removals);
}

/** @throws MachineError `flag-invalid`. */
function ageOf(text: string | undefined): number | undefined {
  const ageMs = text === undefined ? undefined : parseGoDuration(text);
  if (text !== undefined && ageMs === undefined) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(text)} for flag -older-than`, {
      why: 'It takes a duration: 90m, 1h30m, 24h.',
    });
  }
  return ageMs;
}

const reasons: Readonly<Record<Garbage['reason'], string>> = {
  orphan: 'no machine here',
  unused: 'no machine uses it',
  expired: 'its time is over',
};

function show(call: Call<'gc'>, garbage: readonly Garbage[], asJson: boolean): void {
  if (asJson) {
    call.print(JSON.stringify(garbage.map(toJson), undefined, 2));
    return;
  }
  const nowMs = call.session.host.clock.nowMs();
  const rows = garbage.map((each) => [
    ...[each.driver, each.kind, each.name, each.id, each.place],
    each.createdMs === undefined ? '' : formatAge(nowMs - each.createdMs),
    reasons[each.reason],
  ]);
  const header = ['DRIVER', 'KIND', 'NAME', 'ID', 'PLACE', 'AGE', 'WHY'];
  call.print(formatTable([header, ...rows]).join('\n'));
}

/** A machine that was only forgotten here need not be lost. */
function sayAdopt(call: Call<'gc'>, garbage: readonly Garbage[]): void {
  const lost = garbage.find(({ kind, reason }) => kind === 'instance' && reason === 'orphan');
  if (lost !== undefined) {
    const { program } = call.io;
    call.inform(`Is one of these machines still wanted? ${program} adopt -d ${lost.driver} ${lost.name}`);
  }
}

function toJson({ createdMs, expiresMs, ...garbage }: Garbage): Record<string, unknown> {
  const { driver, kind, id, name, place, reason, machineId } = garbage;
  const time = (ms: number): string => new Date(ms).toISOString();
  return {
    ...{ driver, kind, id, name, place, reason },
    ...(machineId === undefined ? {} : { machineId }),
    ...(createdMs === undefined ? {} : { created: time(createdMs) }),
    ...(expiresMs === undefined ? {} : { expires: time(expiresMs) }),
  };
}

function nameOf({ kind, name, id }: Garbage): string {
  return name === id || id === '' ? `${kind} ${name}` : `${kind} ${id} (${name})`;
}

/** Without anybody to answer nothing is removed, and that is said. */
async function confirm(call: Call<'gc'>, count: number): Promise<boolean> {
  call.inform(`About to remove ${count === 1 ? 'one thing' : `${count} things`} at providers.`);
  const answer = await askYesNo(call, 'Are you sure? (y/n): ');
  if (answer === undefined) {
    call.io.stderr.write('Nothing was removed: there was no answer. Use -y to remove without a question.\n');
  }
  return answer === true;
}

/** @throws AggregateError when something could not be looked at or removed. */
function endWith(call: Call<'gc'>, problems: readonly Problem[], removals: readonly Removal[]): number {
  const errors = [
    ...problems.map((problem) => unseen(call, problem, 'What is left over')),
    ...removals.flatMap(({ error, garbage }) => (error === undefined ? [] : [notRemoved(garbage, error)])),
  ];
  if (errors.length > 0) {
    throw new AggregateError(errors, 'Not everything was cleaned up.');
  }
  return 0;
}

function notRemoved(garbage: Garbage, error: unknown): MachineError {
  return wrapped(error, `Not removed: ${nameOf(garbage)}: ${messageOf(error)}`, []);
}
