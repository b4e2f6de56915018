import { MachineError } from '../core/errors.ts';
import { parseEngineUrl } from '../engine/address.ts';
import { driverContext, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';

/** Where the engine of a host is to listen. @throws MachineError `machine-not-running`. */
export async function requireEngineEndpoint(
  session: Session,
  machine: OpenMachine,
): Promise<{ readonly url: string; readonly host: string; readonly port: number }> {
  const { engineUrl, detail } = await machine.driver.inspect(driverContext(session, machine));
  const address = engineUrl === undefined ? undefined : parseEngineUrl(engineUrl);
  if (engineUrl === undefined || address?.kind !== 'tcp') {
    throw new MachineError('machine-not-running', 'Host is not running', {
      ...(detail === undefined ? {} : { why: detail }),
      remedies: [`tsmachine status ${machine.name}`],
    });
  }
  return { url: engineUrl, host: address.host, port: address.port };
}
