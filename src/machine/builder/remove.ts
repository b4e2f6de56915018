import { MachineError } from '../../core/errors.ts';
import { listMachineDirectories } from '../../store/machine-files.ts';
import type { Session } from '../session.ts';
import { openBuildx } from './buildx.ts';
import { readBuilder, requireBuilderName, type BuilderRecord } from './record.ts';

/** A builder with those of its own machines that are there. */
export interface FoundBuilder {
  readonly record: BuilderRecord;
  readonly present: readonly string[];
}

/** @throws MachineError `machine-not-found`, `name-invalid`. */
export async function findBuilder(session: Session, name: string): Promise<FoundBuilder> {
  requireBuilderName(name);
  const record = await readBuilder(session, name);
  if (record === undefined) {
    throw new MachineError('machine-not-found', `There is no builder "${name}" of this store.`, {
      remedies: ['tsmachine builder ls', `One that tsmachine did not make: docker buildx rm ${name}`],
    });
  }
  const machines = new Set(await listMachineDirectories(session.host, session.storePath));
  return { record, present: record.made.filter((machine) => machines.has(machine)) };
}

/** Takes a builder out of buildx, with its containers on the machines. The record stays until `forgetBuilder`. */
export async function dissolveBuilder(session: Session, { name }: BuilderRecord): Promise<void> {
  const buildx = await openBuildx(session.host, session.signal);
  await buildx.remove(name);
}
