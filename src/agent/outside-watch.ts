import type { RunningContainer } from '../engine/containers.ts';
import { bindsOutside, meantForHere } from '../machine/outside-binds.ts';
import { loadOwnData } from '../machine/own-data.ts';
import type { OpenMachine } from '../machine/open.ts';
import type { Session } from '../machine/session.ts';

/** Says once of each container that it mounts a directory of this computer that the machine does not see. */
export class OutsideWatch {
  readonly #session: Session;
  readonly #machine: OpenMachine;
  #told = new Set<string>();

  constructor(session: Session, machine: OpenMachine) {
    this.#session = session;
    this.#machine = machine;
  }

  /** Looks at the containers that run now. */
  async look(containers: readonly RunningContainer[]): Promise<void> {
    const { host, emit } = this.#session;
    const { name, driver } = this.#machine;
    // On hosts of others such paths are theirs.
    if (driver.manifest.capabilities.boots !== 'image' || !containers.some(({ binds }) => binds.length > 0)) {
      this.#told.clear();
      return;
    }
    const { shares } = await loadOwnData(this.#session, name);
    const outside = await meantForHere(host, bindsOutside(containers, shares));
    const told = new Set<string>();
    for (const { container, path } of outside) {
      const message =
        `The container "${container}" mounts ${path}, which the machine does not see: it has an empty directory ` +
        `there. See: tsmachine doctor ${name}`;
      told.add(message);
      if (!this.#told.has(message)) {
        emit({ type: 'warn', message });
      }
    }
    this.#told = told;
  }
}
