import type { Host, HostFacts } from './types.ts';
export async function download(
  facts: HostFacts,
  ...args: Parameters<Host['http']['download']>
): Promise<void> {
  void facts;
  void args;
}
