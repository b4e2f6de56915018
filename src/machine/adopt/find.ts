import { MachineError, messageOf } from '../../core/errors.ts';
import { settleInParallel } from '../../core/in-parallel.ts';
import type { MachineResource, OwnedResource } from '../../drivers/owned.ts';
import { knownMachines } from '../garbage/known.ts';
import { lookouts, type Lookout, type Problem, type Wanted } from '../garbage/places.ts';
import { isUuid } from '../provider-material.ts';
import type { Session } from '../session.ts';

/** Finding the machine at a provider that is to come back into the store. */

const atOnceMax = 8;

/** A machine of the store at a provider. */
export interface Candidate {
  readonly lookout: Lookout;
  readonly instance: MachineResource;
  /** Its name in the store; undefined when there is no record of it. */
  readonly knownAs?: string | undefined;
}

/**
 * Looks for the machine in every place that `gc` would look into.
 * @param what name or id at the provider, or the machine's own id
 * @throws MachineError `machine-not-found`; `arguments-invalid` when several are meant.
 */
export async function findCandidate(
  session: Session,
  what: string,
  { wanted, storeId }: { readonly wanted: Wanted; readonly storeId: string },
): Promise<Candidate> {
  const { found, problems } = await lookouts(session, wanted);
  const listed = await settleInParallel(found, atOnceMax, async (lookout) => ({
    lookout,
    resources: (await lookout.driver.listOwned?.(lookout.context, storeId)) ?? [],
  }));
  session.signal.throwIfAborted();
  const unseen = listed.flatMap((each, index): Problem[] => {
    const place = found[index]?.place;
    return each.status === 'rejected' && place !== undefined
      ? [{ place, error: each.reason as unknown }]
      : [];
  });
  // Only now, as for gc: a machine that is just being made is in the store before it is at its provider.
  const names = new Map((await knownMachines(session)).map(({ machineId, name }) => [machineId, name]));
  const all = new Map<string, Candidate>();
  for (const { lookout, resources } of listed.flatMap((each) =>
    each.status === 'fulfilled' ? [each.value] : [],
  )) {
    for (const instance of resources.filter(isMachine)) {
      const key = JSON.stringify([lookout.place.driver, instance.id]);
      const candidate = { lookout, instance, knownAs: names.get(instance.machineId) };
      all.set(key, all.get(key) ?? candidate);
    }
  }
  const meant = [...all.values()].filter(({ instance: { id, name, machineId } }) =>
    [id, name, machineId].includes(what),
  );
  const [only] = meant;
  if (only === undefined) {
    throw notFound(what, [...all.values()], { found, problems: [...problems, ...unseen] });
  }
  if (meant.length > 1) {
    const ids = meant.map(({ instance: { id, place } }) => `${id}${place === '' ? '' : ` (${place})`}`);
    throw new MachineError('arguments-invalid', `There are ${meant.length} machines called "${what}".`, {
      why: `They are ${ids.join(', ')}.`,
      remedies: ['Name one by its id.'],
    });
  }
  return only;
}

function isMachine(resource: OwnedResource): resource is MachineResource {
  return resource.kind === 'instance' && isUuid(resource.machineId ?? '');
}

function notFound(
  what: string,
  all: readonly Candidate[],
  { found, problems }: { readonly found: readonly Lookout[]; readonly problems: readonly Problem[] },
): MachineError {
  const lost = all.filter(({ knownAs }) => knownAs === undefined);
  const places = found.map(({ place }) => placeText(place));
  return new MachineError(
    'machine-not-found',
    `No machine of this store "${what}" was found at a provider.`,
    {
      why: [
        places.length === 0
          ? 'This store knows no place to look into.'
          : `Looked into: ${places.join('; ')}.`,
        ...problems.map(({ place, error }) => `${placeText(place)} is not known: ${messageOf(error)}`),
        ...(lost.length === 0
          ? []
          : [
              `These could be adopted: ${lost.map(({ instance: { name, id } }) => `${name} (${id})`).join(', ')}.`,
            ]),
      ].join(' '),
      remedies: [
        'Name the driver, and the place with its flags: tsmachine adopt -d NAME --help',
        'What carries no mark of tsmachine, or of another store, is not taken.',
      ],
    },
  );
}

function placeText({ driver, flags }: Lookout['place']): string {
  return [driver, ...Object.entries(flags).map(([name, value]) => `--${name}=${String(value)}`)].join(' ');
}
