import type { Call } from '../call.ts';
import { forEachMachine } from '../machines.ts';

/** `provision [name...]`: sets machines up again with the options that they were made with. */
export default async function provision(call: Call<'provision'>): Promise<number> {
  const { provisionMachine } = await import('../../machine/provision.ts');
  await forEachMachine(call, async (name) => {
    await provisionMachine(call.session, name);
  });
  return 0;
}
