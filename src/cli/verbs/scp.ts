import type { Call } from '../call.ts';
import { wantsNativeSsh } from '../native-ssh.ts';
import { inWordsOfLoading, requireArguments } from '../remote-files.ts';

/** `scp SOURCE TARGET`: copies files to, from or between machines. */
export default async function scp(call: Call<'scp'>): Promise<number> {
  const [source, target] = await requireArguments(call, 2, 2);
  const { copyFiles } = await import('../../machine/copy.ts');
  try {
    return await copyFiles(call.session, {
      source: source ?? '',
      target: target ?? '',
      recursive: call.options.recursive === true,
      delta: call.options.delta === true,
      quiet: call.options.quiet === true,
      native: wantsNativeSsh(call),
    });
  } catch (error) {
    throw inWordsOfLoading(error);
  }
}
