import type { Call } from '../call.ts';
import { MachineError } from '../../core/errors.ts';
import { parseLocation, type Location } from '../../machine/location.ts';
import { inWordsOfLoading, requireArguments } from '../remote-files.ts';

/** `mount [machine:]path [mountpoint]`, and with -u the way back; `mount path machine:mountpoint` the other way round. */
export default async function mount(call: Call<'mount'>): Promise<number> {
  const [source = '', mountpoint] = await requireArguments(call, 1, 2);
  const target = parseLocation(mountpoint ?? '', call.io.host.facts.platform);
  if (target.kind === 'remote') {
    return mountInMachine(call, source, target);
  }
  const { mountDirectory, unmountDirectory } = await import('../../machine/mount.ts');
  try {
    const work = call.options.unmount === true ? unmountDirectory : mountDirectory;
    return await work(call.session, source, mountpoint);
  } catch (error) {
    throw inWordsOfLoading(error);
  }
}

/** Goes on until it is interrupted: this process is what serves the files. */
async function mountInMachine(
  call: Call<'mount'>,
  directory: string,
  target: Extract<Location, { kind: 'remote' }>,
): Promise<number> {
  if (call.options.unmount === true) {
    throw new MachineError('arguments-invalid', 'A directory that is mounted in a machine has no -u.', {
      remedies: ['End the command that mounts it, with Ctrl-C.'],
    });
  }
  const { mountThere } = await import('../../agent/mount-there.ts');
  try {
    await mountThere(call.session, { directory, target }, () => {
      call.inform(`${directory} is mounted at ${target.path} of "${target.machine}" until Ctrl-C.`);
    });
  } catch (error) {
    throw inWordsOfLoading(error);
  }
  return 0;
}
