import path from 'node:path';
import { MachineError, systemCode } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import type { DriverContext, Finding, Step } from '../driver.ts';
import type { GenericConfig } from './config.ts';

/** Names that the machine's directory has for other things. */
const reserved: ReadonlySet<string> = new Set([
  'config.json',
  'tsmachine.json',
  'journal.jsonl',
  'ca.pem',
  'cert.pem',
  'key.pem',
  'server.pem',
  'server-key.pem',
  'guest',
]);

/** Problems of the key that was named, before anything is made. */
export async function checkKey(host: Host, { sshKey }: GenericConfig): Promise<readonly Finding[]> {
  if (sshKey === '') {
    return host.facts.env['SSH_AUTH_SOCK'] === undefined
      ? [
          {
            severity: 'error',
            code: 'ssh-key-missing',
            message: 'No SSH key specified, and there is no SSH agent',
            remedy: 'Name a private key with --generic-ssh-key, or start ssh-agent and add one with ssh-add.',
          },
        ]
      : [];
  }
  try {
    await host.files.realPath(sshKey);
    return [];
  } catch {
    return [
      {
        severity: 'error',
        code: 'ssh-key-missing',
        // docker-machine's text.
        message: `SSH key does not exist: ${JSON.stringify(sshKey)}`,
        remedy: 'Name the file of a private key with --generic-ssh-key.',
      },
    ];
  }
}

/** Copies the key into the machine's directory, so that the machine can be used wherever the store goes. */
export function copyKeyStep({
  host,
  directory,
  config,
  emit,
  name,
  save,
}: DriverContext<GenericConfig>): Step {
  const { sshKey } = config;
  const copy = path.join(directory, keyFileName(sshKey));
  return {
    name: 'ssh-key',
    summary: 'Importing SSH key...',
    run: async () => {
      if (sshKey === '') {
        const message = 'No SSH key specified. Assuming an existing key at the default location.';
        emit({ type: 'note', machine: name, message });
        return undefined;
      }
      await host.files.writeAtomic(copy, await readKey(host, sshKey), 0o600);
      const publicKey = await host.files.readText(`${sshKey}.pub`).catch(() => undefined);
      if (publicKey !== undefined) {
        await host.files.writeAtomic(`${copy}.pub`, publicKey, 0o600);
      }
      await save({ SSHKeyPath: copy });
      return undefined;
    },
  };
}

function keyFileName(source: string): string {
  const base = path.basename(source);
  return base === '' || reserved.has(base) || base.startsWith('.') ? 'id_rsa' : base;
}

async function readKey(host: Host, file: string): Promise<string> {
  try {
    return await host.files.readText(file);
  } catch (cause) {
    throw new MachineError('ssh-key-rejected', `The SSH key ${file} cannot be read.`, {
      why: systemCode(cause) ?? 'unknown',
      remedies: ['Give a private key that you may read with --generic-ssh-key.'],
      cause,
    });
  }
}
