import { MachineError } from '../core/errors.ts';
import type { SshConnection } from '../ssh/types.ts';
import { capture } from '../ssh/exec.ts';

const timeoutMs = 30_000;

/**
 * Whatever comes from the hypervisor's side of the network and no container has taken goes to the guest's loopback
 * address; only what is forwarded on purpose comes from there. The engine's own rules come first, as they stand first.
 * SSH, TLS and DHCP stay as they are. Can be run again.
 */
const script = `set -e
set -- $(ip -4 route show default)
[ "$2" = via ] && [ "$4" = dev ]
gateway=$3 device=$5
echo 1 >"/proc/sys/net/ipv4/conf/$device/route_localnet"
iptables -w 10 -t nat -N TSMACHINE 2>/dev/null || iptables -w 10 -t nat -F TSMACHINE
for port in 22 2376; do
  iptables -w 10 -t nat -A TSMACHINE -p tcp --dport $port -j RETURN
done
iptables -w 10 -t nat -A TSMACHINE -p udp --dport 68 -j RETURN
iptables -w 10 -t nat -A TSMACHINE -p tcp -j DNAT --to-destination 127.0.0.1
iptables -w 10 -t nat -A TSMACHINE -p udp -j DNAT --to-destination 127.0.0.1
iptables -w 10 -t nat -C PREROUTING -i "$device" -s "$gateway" -j TSMACHINE 2>/dev/null ||
  iptables -w 10 -t nat -A PREROUTING -i "$device" -s "$gateway" -j TSMACHINE
`;

/**
 * Makes ports that the guest has on 127.0.0.1 reachable through the hypervisor's forwards.
 * @throws MachineError `program-failed`, and what the connection throws.
 */
export async function openGuestLoopback(connection: SshConnection): Promise<void> {
  const { exitCode, stderr } = await capture(connection, 'sudo -n sh', { stdin: script, timeoutMs });
  if (exitCode !== 0) {
    throw new MachineError('program-failed', 'The guest does not lead to its loopback address.', {
      why: stderr.trim().slice(0, 500),
      facts: { exitCode, stdout: '', stderr },
    });
  }
}
