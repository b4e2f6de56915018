import { recallMachine, requireEngineUrl } from '../../machine/probe.ts';
import type { Call } from '../call.ts';

/** `url [name]`: the engine's address, as for DOCKER_HOST. */
export default async function url(call: Call<'url'>): Promise<number> {
  const name = call.args[0] ?? '';
  const engineUrl = requireEngineUrl(await recallMachine(call.session, name));
  call.print(call.options.json === true ? JSON.stringify({ name, url: engineUrl }) : engineUrl);
  return 0;
}
