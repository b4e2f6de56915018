import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { startLinuxHost, type LinuxHost } from '../linux-host.ts';
import { putCloudInit } from './cloud-init.ts';
import { hostKeyOf } from './host-key-of.ts';

// The machines of a cloud on this computer: real Debians.

/** Hosts that boot for machines of a cloud. */
export interface CloudHosts {
  /** By the id of their machine. */
  readonly running: ReadonlyMap<string, LinuxHost>;
  /**
   * Boots a host with the public key of root and with its user data, of which it has the host key and runs the scripts.
   * @returns its address.
   */
  boot(id: string, given: { readonly userKey: string; readonly userData: string }): Promise<string>;
  /** Ends one; an id of which there is none is success. */
  end(id: string): Promise<void>;
  stop(): Promise<void>;
}

export function createCloudHosts(): CloudHosts {
  const running = new Map<string, LinuxHost>();
  return {
    running,
    boot: async (id, { userKey, userData }) => {
      const host = await startLinuxHost('bookworm', 'plain', {
        userKey: userKey.trim(),
        hostKeyPem: hostKeyOf(userData),
        furnish: async (root, proxyUrl) => {
          // Its only way to the mirrors.
          const proxyLine = `Acquire::http::Proxy "${proxyUrl}";\n`;
          await writeFile(path.join(root, 'etc/apt/apt.conf.d/99proxy'), proxyLine);
          await putCloudInit(root, userData);
        },
      });
      running.set(id, host);
      return host.address;
    },
    end: async (id) => {
      const host = running.get(id);
      running.delete(id);
      await host?.stop();
    },
    stop: async () => {
      for (const host of running.values()) {
        await host.stop();
      }
    },
  };
}
