import type { DriverManifest } from '../driver.ts';

/** An engine that somebody else runs: the machine is only a name for its URL. */
export const manifest: DriverManifest = {
  name: 'none',
  title: 'An engine that exists already, by its URL',
  platforms: [],
  flags: [
    {
      name: 'url',
      type: 'string',
      env: 'NONE_URL',
      help: 'URL of the engine when no driver is selected, e.g. tcp://192.0.2.7:2376',
    },
  ],
  capabilities: { boots: 'nothing', power: false, ssh: false, localEndpoints: false, resume: false },
};
