import type { ForwardFailure, PortForward } from './driver.ts';
import { parseUsernet } from './usernet.ts';

/** Asks QEMU's monitor for humans one thing; resolves with what it says. */
export type Monitor = (command: string) => Promise<string>;

/** The id of the network in the arguments of QEMU. */
export const networkId = 'net0';

/** The forwards that are there, but for those of the machine itself. */
export async function listPublished(
  monitor: Monitor,
  isOwn: (forward: PortForward) => boolean,
): Promise<readonly PortForward[]> {
  return parseUsernet(await monitor('info usernet')).filter((forward) => !isOwn(forward));
}

/** First takes forwards away, but for those of the machine itself, then makes others. */
export async function changePublished(
  monitor: Monitor,
  isOwn: (forward: PortForward) => boolean,
  change: { readonly remove: readonly PortForward[]; readonly add: readonly PortForward[] },
): Promise<readonly ForwardFailure[]> {
  for (const forward of change.remove.filter((each) => !isOwn(each))) {
    // What is gone already is what was wanted; the monitor says so in a text that does not matter.
    await monitor(`hostfwd_remove ${networkId} ${hostSide(forward)}`);
  }
  const failures: ForwardFailure[] = [];
  for (const forward of change.add) {
    // Silence is success: the monitor has no other way to tell.
    const said = await monitor(`hostfwd_add ${networkId} ${hostSide(forward)}-:${String(forward.guestPort)}`);
    if (said.trim() !== '') {
      failures.push({ forward, detail: said.trim() });
    }
  }
  return failures;
}

function hostSide({ protocol, hostAddress, hostPort }: PortForward): string {
  return `${protocol}:${hostAddress}:${String(hostPort)}`;
}
