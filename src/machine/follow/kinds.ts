/** What a machine takes over from this computer; the flags are `--host-KIND`. */
export const followKinds = ['proxies', 'certificates', 'registries', 'dns'] as const;

/** One of them. */
export type FollowKind = (typeof followKinds)[number];

const sidecarKeys: Readonly<Record<FollowKind, string>> = {
  proxies: 'hostProxies',
  certificates: 'hostCertificates',
  registries: 'hostRegistries',
  dns: 'hostDns',
};

/** What a sidecar's options say of kinds that are not taken over: nothing for the others. */
export function ignoredOptions(ignores: readonly FollowKind[]): Readonly<Record<string, false>> {
  return Object.fromEntries(ignores.map((kind) => [sidecarKeys[kind], false]));
}

/** The kinds that are not taken over, from a sidecar's options. */
export function ignoredKinds(options: Readonly<Record<string, unknown>> | undefined): readonly FollowKind[] {
  return followKinds.filter((kind) => options?.[sidecarKeys[kind]] === false);
}
