import { createCloudHosts } from '../support/loopback-cloud/cloud-hosts.ts';
import { textField } from '../../src/cloud/json-fields.ts';
import { secretLine, startGoogleCloud } from '../support/loopback-cloud/google-cloud.ts';
import { declareLifeOfAMachine } from '../support/loopback-cloud/life-of-a-machine.ts';

// A machine of Google from create to rm: its instance is a Debian in a container, which has another address after every stop.

declareLifeOfAMachine({
  title: 'an instance of Google becomes a machine, is used, stopped, started elsewhere and removed',
  secret: secretLine,
  open: async () => {
    const cloud = await startGoogleCloud();
    const hosts = createCloudHosts();
    cloud.account.onLaunch = async (instance) => {
      const present = hosts.running.get(instance.id);
      const metadata = itemsOf(instance);
      const userKey = (metadata['ssh-keys'] ?? '').replace(/^root:/, '');
      return present?.address ?? hosts.boot(instance.id, { userKey, userData: metadata['user-data'] ?? '' });
    };
    cloud.account.onDelete = async ({ id }) => hosts.end(id);
    return {
      server: cloud.server,
      hosts,
      args: [
        ...['-d', 'google', '--google-endpoint', cloud.server.url, '--google-project', 'hotel-1'],
        ...['--google-auth-encoded-json', cloud.key, '--google-open-to', '198.18.0.0/15'],
        ...['--google-username', 'root'],
      ],
      env: { GOOGLE_APPLICATION_CREDENTIALS: '', GOOGLE_AUTH_ENCODED_JSON: '', NO_GCE_CHECK: 'true' },
      rests: async () => ({ ...(await cloud.rests()), problems: cloud.problems }),
      // The record has no number of the instance: in its zone the name says which it is.
      idOf: () => 'build-1',
      whileStopped: async (id) => hosts.running.get(id)?.move(),
      close: async () => cloud.close(),
    };
  },
});

function itemsOf(instance: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const { items } = instance['metadata'] as { readonly items: readonly unknown[] };
  return Object.fromEntries(
    items.map((item) => [textField(item, 'key') ?? '', textField(item, 'value') ?? '']),
  );
}
