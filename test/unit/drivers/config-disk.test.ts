import test from 'ava';
import { writeConfigDisk } from '../../../src/drivers/config-disk.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { readIso9660 } from '../iso/read-iso9660.ts';

test('the config disk is an ISO 9660 volume that the guest knows by its name, with the files under theirs', async (t) => {
  const host = createFakeHost();
  host.files.put('/m/guest/hostname', 'dev\n');
  host.files.put('/m/guest/ssh_host_ed25519_key', 'a key');
  const files = ['hostname', 'ssh_host_ed25519_key'].map((name) => ({ name, path: `/m/guest/${name}` }));
  await writeConfigDisk(host, '/m/config.iso', files);
  const image = await host.files.readBytes('/m/config.iso');
  // Where iso/rootfs/usr/lib/tsmachine/identity looks: 16 bytes from the 4101st 8 bytes on.
  const volume = Buffer.from(image).toString('latin1', 4101 * 8, 4103 * 8);
  t.true(volume.startsWith('TSMCONFIG'));
  t.is((await host.files.stat('/m/config.iso'))?.mode, 0o600);
  const { nodes } = readIso9660(Buffer.from(image));
  t.is(nodes.get('/hostname')?.data.toString(), 'dev\n');
  t.is(nodes.get('/ssh_host_ed25519_key')?.data.toString(), 'a key');
});
