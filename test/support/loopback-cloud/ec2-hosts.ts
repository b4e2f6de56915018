import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startLinuxHost, type LinuxHost } from '../linux-host.ts';
import type { Ec2Proxy } from './ec2-proxy.ts';

/** Hosts that boot for instances. */
export interface Ec2Hosts {
  /** By the id of their instance. */
  readonly running: ReadonlyMap<string, LinuxHost>;
  stop(): Promise<void>;
}

/**
 * Lets every instance be a real Debian with the key that was imported and the host key that its user data gives. It ends
 * with the instance.
 */
export function bootInstances(proxy: Ec2Proxy): Ec2Hosts {
  const running = new Map<string, LinuxHost>();
  proxy.onLaunch = async (id, userData, keyName) => {
    const imported = proxy.requests.find(
      ({ action, parameters }) => action === 'ImportKeyPair' && parameters.get('KeyName') === keyName,
    );
    const userKey = Buffer.from(imported?.parameters.get('PublicKeyMaterial') ?? '', 'base64').toString();
    const host = await startLinuxHost('bookworm', 'plain', {
      userKey: userKey.trim(),
      hostKeyPem: hostKeyOf(userData),
    });
    running.set(id, host);
    // Its only way to the mirrors.
    const proxyLine = `Acquire::http::Proxy "${host.proxyUrl}";\n`;
    await writeFile(path.join(host.root, 'etc/apt/apt.conf.d/99proxy'), proxyLine);
    return host.address;
  };
  proxy.onTerminate = async (id) => {
    const host = running.get(id);
    running.delete(id);
    await host?.stop();
  };
  return {
    running,
    stop: async () => {
      for (const host of running.values()) {
        await host.stop();
      }
    },
  };
}

function hostKeyOf(userData: string): string {
  const [, block = ''] = /^ {2}ed25519_private: \|\n((?: {4}.*\n)+)/m.exec(userData) ?? [];
  return block.replaceAll(/^ {4}/gm, '');
}
