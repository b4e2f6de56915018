import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Driver } from '../../../src/drivers/driver.ts';
import none from '../../../src/drivers/none/driver.ts';
import type { OpenMachine } from '../../../src/machine/open.ts';
import { createSession } from '../../../src/machine/session.ts';
import { prepareSshFiles } from '../../../src/machine/ssh-files.ts';
import { parseRecord } from '../../../src/store/record.ts';
import { errorOf, host, withServer } from './with-server.ts';

test('the first connection to a machine of docker-machine pins its host key for the ssh program', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    const storePath = mkdtempSync(join(tmpdir(), 'tsm-first-'));
    const directory = join(storePath, 'machines', 'old');
    mkdirSync(directory, { recursive: true });
    try {
      const key = join(directory, 'key');
      writeFileSync(key, server.userKey.privatePem, { mode: 0o600 });
      symlinkSync(key, join(directory, 'link'));
      const record = parseRecord(
        JSON.stringify({
          ConfigVersion: 3,
          Driver: { MachineName: 'old', SSHUser: server.user, SSHKeyPath: join(directory, 'link') },
          DriverName: 'none',
          HostOptions: {},
          Name: 'old',
        }),
        'config.json',
      );
      const driver: Driver = {
        ...none,
        manifest: {
          ...none.manifest,
          capabilities: { ...none.manifest.capabilities, boots: 'host', ssh: true },
        },
        inspect: async () => ({ power: 'running', ssh: { host: '127.0.0.1', port: server.port } }),
      };
      const machine: OpenMachine = { name: 'old', directory, record, driver, config: {} };
      const { signal } = new AbortController();
      const session = createSession({ host, storePath, signal, emit: () => undefined });
      const files = await prepareSshFiles(session, machine);
      const publicKey = server.hostKey.publicLine.split(' ').slice(0, 2).join(' ');
      t.is(readFileSync(join(directory, 'known_hosts'), 'utf8'), `tsmachine-old ${publicKey}\n`);
      const { sshHostKey } = JSON.parse(readFileSync(join(directory, 'tsmachine.json'), 'utf8')) as {
        readonly sshHostKey: string;
      };
      t.true(sshHostKey.startsWith(publicKey));
      const said = await host.processes.run('ssh', ['-F', files.configPath, 'old', 'echo there'], {
        timeoutMs: 30_000,
      });
      t.is(said.stdout, 'there\n');
      chmodSync(key, 0o640);
      t.is(
        (await errorOf(prepareSshFiles(session, machine))).message,
        `permissions 0640 for '${join(directory, 'link')}' are too open`,
      );
      rmSync(key);
      t.regex((await errorOf(prepareSshFiles(session, machine))).message, /no such file or directory$/);
    } finally {
      rmSync(storePath, { recursive: true });
    }
  });
});
