import { MachineError } from '../../core/errors.ts';
import { recallMachine } from '../../machine/probe.ts';
import { swarmUrl } from '../../machine/swarm-url.ts';
import { listMachineDirectories } from '../../store/machine-files.ts';
import type { AnyCall, Call } from '../call.ts';

/** `active`: the name of the running machine to which DOCKER_HOST points, or to whose classic Swarm. */
export default async function active(call: Call<'active'>): Promise<number> {
  const dockerHost = call.io.host.facts.env['DOCKER_HOST'] ?? '';
  if (dockerHost === '') {
    throw new MachineError('no-active-machine', 'No active host found', { why: 'DOCKER_HOST is not set.' });
  }
  const { host, storePath } = call.session;
  const names = await listMachineDirectories(host, storePath);
  const timeoutMs = call.options.timeout * 1000;
  const stop = new AbortController();
  const found = await Promise.race([
    firstWithUrl(call, names, dockerHost),
    timeOut(call, timeoutMs, stop.signal),
  ]).finally(() => {
    stop.abort();
  });
  if (found === undefined) {
    throw new MachineError('no-active-machine', 'No active host found', {
      why: `No running machine of ${call.session.storePath} has the address ${dockerHost}.`,
    });
  }
  call.print(call.options.json === true ? JSON.stringify({ name: found, url: dockerHost }) : found);
  return 0;
}

/** Machines that cannot be read or asked are not the active one. */
async function firstWithUrl(
  call: AnyCall,
  names: readonly string[],
  url: string,
): Promise<string | undefined> {
  const probes = names.map(async (name) => {
    const { status, record } = await recallMachine(call.session, name);
    const swarm = record.HostOptions.SwarmOptions;
    const isSwarm = swarm?.Master === true && swarmUrl(status.engineUrl ?? '', swarm.Host) === url;
    if (status.engineUrl !== url && !isSwarm) {
      throw new MachineError('no-active-machine', name);
    }
    return name;
  });
  return Promise.any(probes).catch(() => undefined);
}

/** Gives up after a while; `stop` ends the waiting, which would keep the process alive. */
async function timeOut(call: AnyCall, timeoutMs: number, stop: AbortSignal): Promise<never> {
  await call.session.host.clock.sleep(timeoutMs, stop);
  throw new MachineError('timeout', 'Error getting active host: timeout');
}
