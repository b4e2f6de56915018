import type { PortForward } from './driver.ts';

// "  TCP[HOST_FORWARD]   8       127.0.0.1 41669       10.0.2.15    22     0     0"
const line = /^\s*(TCP|UDP)\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+\S+\s+(\d+)\s/;

/**
 * Reads the forwards out of the monitor's `info usernet`. The columns are the same from QEMU 7.2 to
 * 11.1; lines of open connections are skipped.
 */
export function parseUsernet(text: string): PortForward[] {
  const forwards: PortForward[] = [];
  for (const row of text.split(/\r?\n/)) {
    const match = line.exec(row);
    if (match !== null) {
      forwards.push({
        protocol: match[1] === 'UDP' ? 'udp' : 'tcp',
        // libslirp writes every address as a star.
        hostAddress: match[2] === '*' ? '0.0.0.0' : (match[2] ?? ''),
        hostPort: Number(match[3]),
        guestPort: Number(match[4]),
      });
    }
  }
  return forwards;
}

/** The port of 127.0.0.1 that leads to a TCP port of the guest, or undefined. */
export function hostPortOf(forwards: readonly PortForward[], guestPort: number): number | undefined {
  return forwards.find(
    (forward) =>
      forward.protocol === 'tcp' && forward.guestPort === guestPort && forward.hostAddress === '127.0.0.1',
  )?.hostPort;
}
