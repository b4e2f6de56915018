import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { azureSecret, azureSubscription, azureTenant, startAzureCloud } from './azure-cloud.ts';
import { startDigitalOcean } from './digitalocean-cloud.ts';
import { startEc2Proxy } from './ec2-proxy.ts';
import { restsOf } from './ec2-rests.ts';
import type { Rests } from './fault-suite.ts';
import { secretLine, startGoogleCloud } from './google-cloud.ts';
import { startHetznerCloud } from './hetzner-cloud.ts';
import { motoMissing, startMoto } from './moto.ts';
import { startOpenStackCloud } from './openstack-cloud.ts';
import { user } from './openstack-identity.ts';

// All six clouds, each with the flags and secrets by which a machine is made there.

const secret = 'c2VjcmV0bWFya2VydGhhdG5vYm9keW1heXNlZQ';

/** What a create is given. */
export interface Given {
  readonly env: Readonly<Record<string, string>>;
  readonly flags: readonly string[];
}

/** A stand-in for a provider that runs. */
export interface OpenCloud {
  /** What must not be seen. */
  readonly secret: string;
  /** Flags of create beside the secret. */
  readonly flags: readonly string[];
  readonly byFlag: readonly string[];
  readonly byVariable: Readonly<Record<string, string>>;
  /** Writes the vendor's own file of credentials; gives the variables and flags that lead to it. */
  readonly byFile: (directory: string) => Promise<Given>;
  /** Asks the cloud itself what there is. */
  readonly rests: () => Promise<Rests>;
  /** From now on the consoles of machines show this; absent where the API does not tell it. */
  readonly showOnConsoles?: (text: string) => void;
  /** What the stand-in has to say against the requests. */
  readonly findings: () => readonly unknown[];
  readonly close: () => Promise<void>;
}

/** A provider with the ways in which its secret is given. */
export interface CloudRow {
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

export const sixClouds: readonly CloudRow[] = [
  {
    driver: 'amazonec2',
    missing: motoMissing(),
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => ({ ...(await restsOf(moto.url)) }),
        findings: () => [],
        showOnConsoles: (text) => {
          proxy.consoleText = text;
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
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => cloud.rests(),
        findings: () => [],
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'digitalocean',
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => cloud.rests(),
        findings: () => cloud.findings,
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'google',
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => cloud.rests(),
        showOnConsoles: (text) => {
          cloud.account.consoleText = text;
        },
        findings: () => cloud.problems,
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'hetzner',
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => cloud.rests(),
        findings: () => cloud.problems,
        close: async () => cloud.close(),
      };
    },
  },
  {
    driver: 'openstack',
    open: async (): Promise<OpenCloud> => {
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
        rests: async () => cloud.rests(),
        showOnConsoles: (text) => {
          cloud.state.settings.consoleText = text;
        },
        findings: () => cloud.findings,
        close: async () => cloud.close(),
      };
    },
  },
];
