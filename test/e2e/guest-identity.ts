import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { imageBytes } from '../../iso/formats/image-layout.ts';
import { layoutIso9660 } from '../../iso/formats/iso9660.ts';
import { createHost } from '../../src/host/real.ts';
import { dropbearHostKey, generateSshKeyPair } from '../../src/ssh/keys.ts';
import { ensureAuthority } from '../../src/tls/authority.ts';
import { issueServerCertificate } from '../../src/tls/server-certificate.ts';

/**
 * QEMU arguments that give a guest a network and its identity on a config disk: an ISO 9660 volume TSMCONFIG, as
 * hypervisors without fw_cfg hand it over.
 */
export async function identityArguments(folder: string): Promise<string[]> {
  const host = createHost();
  const authority = await ensureAuthority(host, path.join(folder, 'certs'), {
    keyType: 'ec',
    userName: 'test',
  });
  const server = await issueServerCertificate(host, authority, {
    machineName: 'iso',
    sans: [],
    keyType: 'ec',
  });
  const user = generateSshKeyPair(host, 'test');
  const files: Readonly<Record<string, string | Uint8Array>> = {
    hostname: 'iso\n',
    authorized_keys: `${user.publicLine}\n`,
    ssh_host_ed25519_key: dropbearHostKey(generateSshKeyPair(host, 'host')),
    'ca.pem': authority.ca.certPem,
    'server.pem': server.certPem,
    'server-key.pem': server.keyPem,
  };
  const entries = Object.entries(files).map(([name, data]) => ({
    kind: 'file' as const,
    path: `/${name}`,
    content: { bytes: Buffer.from(data) },
  }));
  const file = path.join(folder, 'config.iso');
  await writeFile(file, imageBytes(layoutIso9660({ entries, volumeId: 'TSMCONFIG', sourceDateEpoch: 0 })));
  return [
    ...['-drive', `if=none,id=config,format=raw,readonly=on,file=${file}`],
    ...['-device', 'virtio-blk-pci,drive=config'],
    ...['-netdev', 'user,id=net0', '-device', 'virtio-net-pci,netdev=net0,romfile='],
  ];
}
