import type { Call } from '../call.ts';
import { formatTable } from '../render/table.ts';
import type { ShownPort } from '../../agent/show.ts';

/** `ports [name]`: where published ports of containers are found on this computer. */
export default async function ports(call: Call<'ports'>): Promise<number> {
  const { session, options } = call;
  const name = call.args[0] ?? '';
  if (options.publish !== undefined) {
    const { publishModeOf } = await import('../create-request.ts');
    const { setPublishMode } = await import('../../agent/show.ts');
    await setPublishMode(session, name, publishModeOf(options.publish));
  }
  if (options.forward === true) {
    const { forwardPorts } = await import('../../agent/forward.ts');
    await forwardPorts(session, name, (shown) => {
      call.print(options.json === true ? JSON.stringify(shown) : lines(shown).join('\n'));
    });
    return 0;
  }
  const { showPorts } = await import('../../agent/show.ts');
  const shown = await showPorts(session, name);
  call.print(options.json === true ? JSON.stringify(shown, undefined, 2) : lines(shown).join('\n'));
  return 0;
}

function lines(ports: readonly ShownPort[]): string[] {
  const rows = ports.map(({ container, containerPort, protocol, address, port, state, reason }) => [
    container,
    `${String(containerPort)}/${protocol}`,
    `${address.includes(':') ? `[${address}]` : address}:${String(port)}`,
    reason === undefined ? state : `${state}: ${reason}`,
  ]);
  return formatTable([['CONTAINER', 'PORT', 'ADDRESS', 'STATE'], ...rows]);
}
