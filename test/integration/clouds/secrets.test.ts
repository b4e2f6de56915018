import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore, type TestStore } from '../../support/cli.ts';
import { recordProcesses, startedProcesses } from '../../support/recorded-processes.ts';
import { runUntil } from '../../support/run-until.ts';
import {
  azureSecret,
  azureSubscription,
  azureTenant,
  startAzureCloud,
} from '../../support/loopback-cloud/azure-cloud.ts';
import { startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { startEc2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { secretLine, startGoogleCloud } from '../../support/loopback-cloud/google-cloud.ts';
import { startHetznerCloud } from '../../support/loopback-cloud/hetzner-cloud.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';
import { startOpenStackCloud } from '../../support/loopback-cloud/openstack-cloud.ts';
import { user } from '../../support/loopback-cloud/openstack-identity.ts';

// A secret, however it is given, is in no output, in no argument of a process that is started,
// and in no file of the store but secrets.json.

const secret = 'c2VjcmV0bWFya2VydGhhdG5vYm9keW1heXNlZQ';

/** What a create is given. */
interface Given {
  readonly env: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
}

/** A stand-in for a provider that runs. */
interface OpenCloud {
  /** What must not be seen. */
  readonly secret: string;
  /** Flags of create beside the secret. */
  readonly flags: readonly string[];
  readonly byFlag: readonly string[];
  readonly byVariable: Readonly<Record<string, string>>;
  /** Writes the vendor's own file of credentials; gives the variables and flags that lead to it. */
  readonly byFile: (directory: string) => Promise<Given>;
  readonly close: () => Promise<void>;
}

/** A provider with the ways in which its secret is given. */
interface Row {
  readonly driver: string;
  readonly missing?: string | undefined;
  readonly open: () => Promise<OpenCloud>;
}

const openTo = '198.18.0.0/15';

async function written(directory: string, name: string, text: string): Promise<string> {
  const file = path.join(directory, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}

const rows: readonly Row[] = [
  {
    driver: 'amazonec2',
    missing: motoMissing(),
    open: async () => {
      const moto = await startMoto();
      const proxy = await startEc2Proxy(moto.url);
      return {
        secret,
        flags: [
          ...['--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
          ...['--amazonec2-open-to', openTo],
        ],
        byFlag: ['--amazonec2-access-key', 'test', '--amazonec2-secret-key', secret],
        byVariable: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: secret },
        byFile: async (directory) => {
          const text = `[team]\naws_access_key_id = test\naws_secret_access_key = ${secret}\n`;
          const file = await written(directory, 'credentials', text);
          return { env: { AWS_SHARED_CREDENTIALS_FILE: file }, flags: ['--amazonec2-profile', 'team'] };
        },
        close: async () => {
          await proxy.close();
          await moto.stop();
        },
      };
    },
  },
  {
    driver: 'azure',
    open: async () => {
      const cloud = await startAzureCloud();
      return {
        secret: azureSecret,
        flags: [
          ...['--azure-endpoint', cloud.url, '--azure-login-endpoint', cloud.url, '--azure-open-to', openTo],
          ...['--azure-subscription-id', azureSubscription, '--azure-tenant-id', azureTenant],
          ...['--azure-client-id', 'test'],
        ],
        byFlag: ['--azure-client-secret', azureSecret],
        byVariable: { AZURE_CLIENT_SECRET: azureSecret },
        byFile: async (directory) => {
          const file = await written(directory, 'token', azureSecret);
          return { env: { AZURE_FEDERATED_TOKEN_FILE: file }, flags: [] };
        },
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'digitalocean',
    open: async () => {
      const cloud = await startDigitalOcean();
      cloud.accounts.set(secret, cloud.account);
      return {
        secret,
        flags: ['--digitalocean-endpoint', cloud.url, '--digitalocean-open-to', openTo],
        byFlag: ['--digitalocean-access-token', secret],
        byVariable: { DIGITALOCEAN_ACCESS_TOKEN: secret },
        byFile: async (directory) => {
          await written(directory, path.join('doctl', 'config.yaml'), `access-token: ${secret}\n`);
          return { env: { XDG_CONFIG_HOME: directory }, flags: [] };
        },
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'google',
    open: async () => {
      const cloud = await startGoogleCloud();
      cloud.account.operationRequests = 1;
      const encoded = Buffer.from(cloud.key).toString('base64');
      return {
        secret: secretLine,
        flags: [
          ...['--google-endpoint', cloud.server.url, '--google-project', 'hotel-1'],
          ...['--google-open-to', openTo],
        ],
        byFlag: ['--google-auth-encoded-json', cloud.key],
        byVariable: { GOOGLE_AUTH_ENCODED_JSON: encoded },
        byFile: async (directory) => {
          const file = await written(directory, 'key.json', cloud.key);
          return { env: { GOOGLE_APPLICATION_CREDENTIALS: file }, flags: [] };
        },
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'hetzner',
    open: async () => {
      const cloud = await startHetznerCloud({ token: secret });
      return {
        secret,
        flags: ['--hetzner-endpoint', cloud.baseUrl, '--hetzner-open-to', openTo],
        byFlag: ['--hetzner-api-token', secret],
        byVariable: { HETZNER_API_TOKEN: secret },
        byFile: async (directory) => {
          const text = `active_context = "team"\n[[contexts]]\n  name = "team"\n  token = "${secret}"\n`;
          const file = await written(directory, 'cli.toml', text);
          return { env: { HCLOUD_CONFIG: file }, flags: [] };
        },
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'openstack',
    open: async () => {
      const cloud = await startOpenStackCloud();
      Object.assign(cloud.state.settings, { buildLooks: 0, changeLooks: 0 });
      const { password } = user;
      return {
        secret: password,
        flags: [
          ...['--openstack-flavor-name', 'm1.small', '--openstack-image-name', 'ubuntu-24.04'],
          ...['--openstack-net-name', 'private', '--openstack-floatingip-pool', 'public'],
          ...['--openstack-region', 'RegionOne', '--openstack-open-to', openTo],
          ...['--openstack-auth-url', cloud.authUrl, '--openstack-username', user.name],
          ...['--openstack-tenant-name', 'demo'],
        ],
        byFlag: ['--openstack-password', password],
        byVariable: { OS_PASSWORD: password },
        byFile: async (directory) => {
          const text = `clouds:\n  team:\n    auth:\n      password: ${password}\n`;
          const file = await written(directory, 'clouds.yaml', text);
          return { env: { OS_CLIENT_CONFIG_FILE: file }, flags: ['--openstack-cloud', 'team'] };
        },
        close: async () => cloud.close(),
      };
    },
  },
];

/** True for a text in which a secret is, in whatever form it may come out. */
function shows(text: string, hidden: string): boolean {
  const bytes = Buffer.from(hidden);
  const forms = [hidden, encodeURIComponent(hidden), bytes.toString('base64'), bytes.toString('hex')];
  return forms.some((form) => text.includes(form));
}

/** Files of the store that have the secret. */
async function filesWithSecret(store: TestStore, hidden: string): Promise<readonly string[]> {
  const entries = await readdir(store.path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) =>
      shows(await readFile(file, 'latin1'), hidden) ? [path.relative(store.path, file)] : [],
    ),
  );
  return found.flat();
}

for (const row of rows) {
  for (const way of ['flag', 'variable', 'file'] as const) {
    test.serial(`${row.driver}: a secret that is given by ${way} is seen nowhere`, async (t) => {
      t.timeout(300_000);
      if (row.missing !== undefined) {
        t.log(`skipped: ${row.missing}`);
        t.pass();
        return;
      }
      const cloud = await row.open();
      const store = await makeStore();
      try {
        const file = way === 'file' ? await cloud.byFile(path.dirname(store.path)) : { env: {}, flags: [] };
        const none = Object.fromEntries(Object.keys(cloud.byVariable).map((name) => [name, '']));
        const record = path.join(path.dirname(store.path), 'processes.jsonl');
        const env = {
          ...none,
          ...(way === 'variable' ? cloud.byVariable : {}),
          ...file.env,
          ...recordProcesses(record),
        };
        const flags = [...cloud.flags, ...(way === 'flag' ? cloud.byFlag : []), ...file.flags];
        const said = await runUntil(store, {
          args: ['--debug', 'create', '-d', row.driver, ...flags, 'dev'],
          env,
          text: 'Waiting for SSH',
        });
        t.regex(said, /Waiting for SSH/);
        t.false(shows(said, cloud.secret), said);

        const kept = path.join('machines', 'dev', 'secrets.json');
        t.deepEqual(await filesWithSecret(store, cloud.secret), way === 'flag' ? [kept] : []);
        if (way === 'flag') {
          t.is((await stat(path.join(store.path, kept))).mode & 0o777, 0o600);
        }
        for (const args of [
          ['--debug', 'inspect', 'dev'],
          ['--debug', 'ls', '--json'],
          ['--debug', 'status', 'dev'],
          ['--debug', 'gc', '--dry-run'],
          ['--debug', 'config', 'dev'],
          ['--debug', 'rm', '-y', 'dev'],
        ]) {
          const { stdout, stderr } = await store.tsmachine(args, { env });
          t.false(shows(`${stdout}${stderr}`, cloud.secret), args.join(' '));
        }
        t.deepEqual(await filesWithSecret(store, cloud.secret), [], 'rm leaves none');
        const started = (await startedProcesses(record)).map((argv) => argv.join(' '));
        t.deepEqual(
          started.filter((line) => shows(line, cloud.secret)),
          [],
        );
      } finally {
        await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
        await store.dispose();
        await cloud.close();
      }
    });
  }
}
