import { listInstallations } from '../../drivers/npm/installation.ts';
import { driverNames } from '../../drivers/registry.ts';
import { listNames, rawDriverName } from '../list.ts';
import type { Session } from '../session.ts';
import { found, type Found } from './findings.ts';
import { foundError } from './found-error.ts';
import { driversInUse, examineDriver, examineImage, examineImageCache, examinePrograms } from './host.ts';
import { examineMachine } from './machine.ts';
import { examineNames, examineStore } from './store.ts';

/** A finding and what it is about: `host`, `store`, `driver qemu`, `machine default`. */
export type Diagnosis = Found & { readonly subject: string };

/**
 * Looks at everything that could be wrong: programs, store, certificates, drivers, image, and each machine (or only the
 * named one and its driver). What keeps one part from being looked at is a finding of that part.
 */
export async function examine(session: Session, name?: string): Promise<Diagnosis[]> {
  const names = await listNames(session);
  const installed = (await listInstallations(session.host)).map((installation) => installation.name);
  const known = [...new Set([...driverNames, ...installed])];
  const own = name === undefined ? undefined : await rawDriverName(session, name);
  const drivers = name === undefined ? known : known.filter((driver) => driver === own);
  const wanted = new Set([...installed, ...(await driversInUse(session, names))]);
  const [general, ...machines] = await Promise.all([
    Promise.all([
      about('host', examinePrograms(session)),
      about('store', examineStore(session)),
      about('image', examineImage(session)),
      about('image', examineImageCache(session)),
      ...drivers.map((driver) =>
        about(`driver ${driver}`, examineDriver(session, driver, { isWanted: wanted.has(driver) })),
      ),
    ]),
    ...(name === undefined ? names : [name]).map((machine) =>
      about(`machine ${machine}`, examineMachine(session, machine)),
    ),
  ]);
  const found = machines.flat();
  const makers = name === undefined ? overview(names, found) : [];
  return [...general.flat(), ...makers.map((each) => ({ subject: 'store', ...each })), ...found];
}

/** Who made the machines. */
function overview(names: readonly string[], diagnoses: readonly Diagnosis[]): Found[] {
  const count = (wanted: string): number => diagnoses.filter(({ code }) => code === wanted).length;
  const makers = [
    { who: 'made by docker-machine', count: count('made-by-docker-machine') },
    { who: 'made by tsmachine', count: count('made-by-tsmachine') },
  ];
  const unknown = names.length - makers.reduce((sum, maker) => sum + maker.count, 0);
  const texts = [...makers, { who: 'without a record that can be used', count: unknown }]
    .filter((maker) => maker.count > 0)
    .map((maker) => `${maker.count} ${maker.who}`);
  const machines = names.length === 1 ? '1 machine' : `${names.length} machines`;
  return [
    ...(names.length === 0 ? [] : [found('store-machines', { machines, makers: texts.join(', ') })]),
    ...examineNames(names),
  ];
}

async function about(subject: string, findings: Promise<readonly Found[]>): Promise<Diagnosis[]> {
  try {
    return (await findings).map((finding) => ({ subject, ...finding }));
  } catch (error) {
    return [{ subject, ...foundError(error, subject.split(' ')[1] ?? 'NAME') }];
  }
}
