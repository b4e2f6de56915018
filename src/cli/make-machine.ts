import { isMachineError, MachineError } from '../core/errors.ts';
import type { MachineEvent } from '../core/events.ts';
import type { DriverManifest, FlagValues } from '../drivers/driver.ts';
import type { CreateRequest } from '../machine/request.ts';
import type { AnyCall } from './call.ts';
import { createRequest } from './create-request.ts';
import { rephrased } from './rephrase.ts';

/** A name that cannot be is said in docker-machine's words. */
export function requestOf(name: string, manifest: DriverManifest, values: FlagValues): CreateRequest {
  try {
    return createRequest(name, manifest, values);
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'name-invalid') {
      throw error;
    }
    const text =
      'Error creating machine: Invalid hostname specified. Allowed hostname chars are: 0-9a-zA-Z . -';
    throw new MachineError(error.code, text, { why: error.why ?? error.message, facts: error.facts });
  }
}

/** Makes a machine. What goes wrong is said in docker-machine's words. */
export async function makeMachine(call: AnyCall, request: CreateRequest): Promise<void> {
  const { createMachine } = await import('../machine/create.ts');
  let failedStep: string | undefined;
  const session = {
    ...call.session,
    emit: (event: MachineEvent) => {
      failedStep = event.type === 'step-failed' ? event.step : failedStep;
      call.session.emit(event);
    },
  };
  try {
    await createMachine(session, request);
  } catch (error) {
    if (failedStep === undefined || session.signal.aborted) {
      explain(error);
    }
    throw rephrased(error, (message) => `Error creating machine: ${message}`);
  }
}

/** Mistakes in a driver's flags in docker-machine's words. */
export function explain(error: unknown): never {
  const isFlag = isMachineError(error) && (error.code === 'flag-invalid' || error.code === 'flag-unknown');
  throw isFlag
    ? rephrased(error, (message) => `Error setting machine configuration from flags provided: ${message}`)
    : error;
}
