/**
 * Everything that is known of the driver without running it. Plain data: `driver add` keeps a copy, from which the help
 * and the completion of shells are made.
 * @type {import('tsmachine/driver').DriverManifest}
 */
export const manifest = {
  name: 'example',
  title: 'A process of this computer that answers like an engine',
  platforms: [],
  flags: [
    {
      name: 'example-greeting',
      type: 'string',
      env: 'EXAMPLE_GREETING',
      default: 'hello',
      help: 'What the engine says as its version',
    },
  ],
  capabilities: {
    boots: 'nothing', // there is an engine and nothing around it; "image" boots ours, "host" is reached by SSH
    power: true, // can be started, stopped and killed
    ssh: false,
    localEndpoints: false, // the engine listens on a socket in a file, not on 127.0.0.1
    resume: false,
  },
};
