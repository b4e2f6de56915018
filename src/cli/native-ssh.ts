import type { AnyCall } from './call.ts';
import { globalFlags } from './commands.ts';
import { resolveFlags, tokenize } from './parse.ts';

/** Whether the client that is built in was asked for; --native-ssh stands before the command. */
export function wantsNativeSsh({ argv, io }: Pick<AnyCall, 'argv' | 'io'>): boolean {
  const { given } = tokenize(globalFlags, argv, { stopAtArgument: true });
  return resolveFlags(globalFlags, given, io.host.facts.env)['native-ssh'] === true;
}
