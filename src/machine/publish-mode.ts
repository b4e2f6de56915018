/**
 * Where this computer takes the ports that containers publish: on its loopback addresses, where the container asked for
 * them (every address, unless it named one), or nowhere.
 */
export const publishModes = ['loopback', 'all', 'none'] as const;

/** One of `publishModes`. */
export type PublishMode = (typeof publishModes)[number];
