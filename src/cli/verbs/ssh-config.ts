import type { Call } from '../call.ts';

/** `ssh-config [name...]`: blocks for ~/.ssh/config; without a name those of all machines that run. */
export default async function sshConfig(call: Call<'ssh-config'>): Promise<number> {
  const { args, session } = call;
  const { sshConfigOf, sshConfigOfAll } = await import('../../machine/ssh-config.ts');
  const blocks = args.length === 0 ? await sshConfigOfAll(session) : await sshConfigOf(session, args);
  if (blocks.length > 0) {
    call.print(blocks.map((block) => block.trimEnd()).join('\n\n'));
  }
  return 0;
}
