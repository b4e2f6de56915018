import { MachineError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import { loadDriver, loadManifest } from '../../drivers/registry.ts';
import { machineDirectory } from '../../store/paths.ts';
import type { Call } from '../call.ts';
import { describe } from '../render/plain.ts';

/** `plugin-serve driver`: serves a driver to docker-machine and its kin, which start this as their plugin. */
export default async function pluginServe(call: Call<'plugin-serve'>): Promise<number> {
  const { io, session } = call;
  const [name, ...more] = call.args;
  if (name === undefined || more.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected the name of one driver');
  }
  if (io.host.facts.env['MACHINE_PLUGIN_TOKEN'] !== '42') {
    throw new MachineError(
      'arguments-invalid',
      'This is a plugin of docker-machine, which starts it by itself.',
      {
        why: 'it speaks version 1 of the protocol of plugins',
        remedies: [`docker-machine create --driver ${name} NAME`],
        exitCode: 1,
      },
    );
  }
  const emit: Emit = (event) => {
    const text = describe(event);
    if (text !== undefined) {
      // As docker-machine's plugins do: what is for people on stdout, what is for those who look for a mistake on stderr.
      (event.type === 'debug' ? io.stderr : io.stdout).write(`${text}\n`);
    }
  };
  const environment = { ...session, emit };
  const driver = {
    ...(await loadDriver(name, environment)),
    manifest: await loadManifest(name, environment),
  };
  const { servePlugin } = await import('../../drivers/plugin/serve/server.ts');
  return servePlugin(driver, environment, {
    directoryOf: machineDirectory,
    announce: (address) => {
      call.print(address);
    },
  });
}
