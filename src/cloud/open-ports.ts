/** Ports that are open at a cloud. Pure. */

/** A port that is to be open. */
export interface OpenPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** A port as the flags --…-open-port take it, and as records keep it. */
export const openPortForm = /^\d{1,5}(?:\/(?:tcp|udp))?$/;
const enginePort = 2376;

/** True for `PORT` and `PORT/PROTOCOL` with a port that there can be. */
export function isOpenPort(text: string): boolean {
  const port = Number.parseInt(text, 10);
  return openPortForm.test(text) && port > 0 && port < 65_536;
}

/** The ports that a machine needs open, each once: SSH, engine and what was asked for. */
export function wantedPorts({
  sshPort,
  openPorts,
}: {
  readonly sshPort: number;
  readonly openPorts: readonly string[];
}): readonly OpenPort[] {
  const given = openPorts.map((text): OpenPort => {
    const [port = '', protocol] = text.split('/');
    return { protocol: protocol === 'udp' ? 'udp' : 'tcp', port: Number(port) };
  });
  const all: readonly OpenPort[] = [
    { protocol: 'tcp', port: sshPort },
    { protocol: 'tcp', port: enginePort },
    ...given,
  ];
  return all.filter(
    (each, index) =>
      all.findIndex(({ port, protocol }) => port === each.port && protocol === each.protocol) === index,
  );
}
