/** URL of a classic Swarm: the host of its master's engine and the port of `tcp://0.0.0.0:3376`; empty without one. */
export function swarmUrl(engineUrl: string, swarmHost: string): string {
  const port = /:(\d{1,5})\/?$/.exec(swarmHost)?.[1];
  const base = /^([a-z]+:\/\/(?:\[[^\]]*\]|[^:/]+))(?::\d+)?\/?$/.exec(engineUrl)?.[1];
  return port === undefined || base === undefined ? '' : `${base}:${port}`;
}
