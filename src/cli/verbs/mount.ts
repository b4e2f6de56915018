import type { Call } from '../call.ts';
import { inWordsOfLoading, requireArguments } from '../remote-files.ts';

/** `mount [machine:]path [mountpoint]`, and with -u the way back. */
export default async function mount(call: Call<'mount'>): Promise<number> {
  const [source = '', mountpoint] = await requireArguments(call, 1, 2);
  const { mountDirectory, unmountDirectory } = await import('../../machine/mount.ts');
  try {
    const work = call.options.unmount === true ? unmountDirectory : mountDirectory;
    return await work(call.session, source, mountpoint);
  } catch (error) {
    throw inWordsOfLoading(error);
  }
}
