import { waitForFirstBoot, type FirstBootEnd } from '../provision/first-boot.ts';
import type { HostLink } from './host-link.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';

/**
 * Waits for a machine that was told to install its engine while it boots. Whatever comes of it is no error: what it has not
 * done is done over SSH.
 * @returns true when it has installed the engine
 */
export async function awaitEngineOfFirstBoot(
  session: Session,
  { name, link }: { readonly name: string; readonly link: HostLink },
): Promise<boolean> {
  const { phase, firstBoot } = await loadOwnData(session, name);
  if (phase !== 'creating' || firstBoot !== 'engine') {
    return false;
  }
  const end = await waitForFirstBoot(await link.access());
  link.forget();
  session.emit({ type: 'note', machine: name, message: firstBootMessage(end) });
  return end.end === 'done';
}

function firstBootMessage(end: FirstBootEnd): string {
  if (end.end === 'done') {
    return 'The machine has installed Docker by itself while it booted.';
  }
  const said = end.said === '' ? '' : ` (${end.said})`;
  return `${reasons[end.end]}${said}: that is done over SSH.`;
}

const reasons: Readonly<Record<Exclude<FirstBootEnd['end'], 'done'>, string>> = {
  failed: 'The machine could not install Docker by itself',
  killed: 'Something ended the installation of Docker by the machine itself',
  absent: 'There is no cloud-init on the machine that could have installed Docker',
  skipped: 'The cloud-init of the machine has not installed Docker',
  late: 'The machine has not installed Docker by itself within the time for it',
};
