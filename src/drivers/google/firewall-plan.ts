import { createHash } from 'node:crypto';
import { wantedPorts, type OpenPort } from '../../cloud/open-ports.ts';
import type { GoogleConfig } from './config.ts';

/** Which firewall rules a machine needs. Pure. */

/** Rules, and the network tag by which they find their machines. */
export interface FirewallPlan {
  readonly tag: string;
  readonly rules: readonly PlannedRule[];
}

/** A rule as Google takes it. */
export interface PlannedRule {
  readonly name: string;
  readonly network: string;
  readonly direction: 'INGRESS';
  readonly allowed: readonly { readonly IPProtocol: string; readonly ports?: readonly string[] }[];
  readonly sourceRanges?: readonly string[];
  readonly sourceTags?: readonly string[];
  readonly targetTags: readonly string[];
}

const hashLength = 8;
const storeLength = 8;

/**
 * Rules are named by what they say, so one that is there never has to be changed: machines of a store with the same settings
 * share them, and others have others. IPv4 and IPv6 need a rule each.
 * @param ranges from where the ports are open; never empty, as Google takes that for "from everywhere"
 * @param owner of a rule that no other machine may use
 */
export function planFirewall(
  config: GoogleConfig,
  {
    storeId,
    networkPath,
    ranges,
    owner = '',
  }: {
    readonly storeId: string;
    readonly networkPath: string;
    readonly ranges: readonly [string, ...string[]];
    readonly owner?: string;
  },
): FirewallPlan {
  const allowed = allowedOf(wantedPorts(config));
  const sorted = [...new Set(ranges)].sort();
  const content = JSON.stringify([networkPath, allowed, sorted, config.internalRulePrefix, owner]);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, hashLength);
  const ending = `${storeId.replaceAll('-', '').slice(0, storeLength)}-${hash}`;
  const tag = `${config.externalRulePrefix || 'tsmachine'}-${ending}`;
  const common = { network: networkPath, direction: 'INGRESS', targetTags: [tag] } as const;
  const [v6, v4] = [
    sorted.filter((each) => each.includes(':')),
    sorted.filter((each) => !each.includes(':')),
  ];
  return {
    tag,
    rules: [
      ...(v4.length === 0 ? [] : [{ name: tag, ...common, allowed, sourceRanges: v4 }]),
      ...(v6.length === 0 ? [] : [{ name: `${tag}-v6`, ...common, allowed, sourceRanges: v6 }]),
      ...(config.internalRulePrefix === ''
        ? []
        : [
            {
              name: `${config.internalRulePrefix}-${ending}-internal`,
              ...common,
              allowed: ['tcp', 'udp', 'icmp', 'esp'].map((IPProtocol) => ({ IPProtocol })),
              sourceTags: [tag],
            },
          ]),
    ],
  };
}

function allowedOf(ports: readonly OpenPort[]): PlannedRule['allowed'] {
  return (['tcp', 'udp'] as const).flatMap((protocol) => {
    const own = ports.filter((each) => each.protocol === protocol).map(({ port }) => port);
    const sorted = own.sort((one, other) => one - other).map(String);
    return sorted.length === 0 ? [] : [{ IPProtocol: protocol, ports: sorted }];
  });
}
