import { createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import driver from '../../src/drivers/generic/driver.ts';
import { createHost } from '../../src/host/real.ts';
import { declareDriverLaws } from './driver-laws.ts';

declareDriverLaws({
  title: 'generic',
  values: { 'generic-ip-address': '127.0.0.1', 'generic-ssh-key': '/somewhere/id_test' },
  makeSubject: async (values) => {
    const home = await mkdtemp(path.join(tmpdir(), 'tsm-generic-'));
    const key = path.join(home, 'id_test');
    await writeFile(key, 'a key\n', { mode: 0o600 });
    const server = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    const directory = path.join(home, 'machine');
    const host = createHost();
    await host.files.makeDirectory(directory, 0o700);
    const { config, common } = driver.configure({
      ...values,
      'generic-ssh-key': key,
      'generic-ssh-port': port,
    });
    const record = {
      ...config,
      IPAddress: common?.ipAddress,
      SSHUser: common?.sshUser,
      SSHPort: common?.sshPort,
    };
    return {
      driver,
      context: {
        host,
        name: 'dev',
        directory,
        config: driver.readConfig(record),
        signal: new AbortController().signal,
        emit: () => undefined,
        save: async () => undefined,
      },
      cleanup: async () => {
        server.close();
        await rm(home, { recursive: true, force: true });
      },
    };
  },
});
