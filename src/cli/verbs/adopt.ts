import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import type { OptionsOf } from '../commands.ts';
import { setupOf } from '../create-request.ts';
import { driverCommandHelp } from '../driver-help.ts';
import { readDriverLine } from '../driver-line.ts';
import { wantedPlace } from '../wanted-place.ts';

/** `adopt name|id`: takes a machine back into the store that only its provider still knows. */
export default async function adopt(call: Call<'adopt'>): Promise<number> {
  const line = await readDriverLine(call, {
    flags: call.command.flags,
    help: async (driverName) => driverCommandHelp(call, driverName),
  });
  if (line.values['help'] === true) {
    call.print(await driverCommandHelp(call, line.manifest?.name));
    return 0;
  }
  const [what, ...more] = line.args;
  if (what === undefined || more.length > 0) {
    throw new MachineError('arguments-invalid', 'Name one machine, by its name or id at the provider.', {
      remedies: [`See what could be adopted: ${call.io.program} gc --dry-run`],
    });
  }
  const options = line.values as unknown as OptionsOf<'adopt'>;
  const { adoptMachine } = await import('../../machine/adopt/adopt.ts');
  const { name, driver, id, isNew } = await adoptMachine(call.session, {
    what,
    ...wantedPlace(call, line),
    ...setupOf(options),
    sshKeyPath: given(options['ssh-key']),
    sshHostKey: given(options['ssh-host-key']),
    storeId: given(options['store-id']),
    newName: given(options.as),
  });
  if (options.json === true) {
    call.print(JSON.stringify({ name, driver, id, adopted: isNew }));
  }
  const { program } = call.io;
  call.inform(
    isNew
      ? `The machine "${name}" is back. To see how to connect your Docker Client to it, run: ${program} env ${name}`
      : `It is in this store already, as "${name}".`,
  );
  return 0;
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
