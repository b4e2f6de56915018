import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { identityMessage } from '../../../src/drivers/qemu/template/identity.ts';
import { createHost } from '../../../src/host/real.ts';

const run = promisify(execFile);
const host = createHost();

// The guest reads one line with its shell, and gives the rest to BusyBox's tar.
for (const tool of ['tar', 'busybox'] as const) {
  test(`the identity is unpacked by a shell and ${tool}, byte for byte`, async (t) => {
    const program = await host.processes.find(tool);
    if (program === undefined || (await host.processes.find('sh')) === undefined) {
      t.log(`skipped: needs sh and ${tool}`);
      t.pass();
      return;
    }
    const dir = await fs.mkdtemp(path.join(os.tmpdir(), 'tsmachine-identity-'));
    t.teardown(async () => fs.rm(dir, { recursive: true, force: true }));
    const contents = {
      hostname: 'dev\n',
      empty: '',
      'ca.pem': 'x'.repeat(512),
      'server.pem': 'ü'.repeat(1500),
    };
    const guestFiles = await Promise.all(
      Object.entries(contents).map(async ([name, content]) => {
        const file = path.join(dir, `${name}.source`);
        await fs.writeFile(file, content, { mode: 0o600 });
        return { name, path: file };
      }),
    );
    const engineConfig = '{"labels":["provider=qemu"]}\n';
    const message = path.join(dir, 'message');
    await fs.writeFile(
      message,
      await identityMessage(host, { guestFiles, engineConfig, diskBytes: 2 ** 41 }),
    );
    const target = path.join(dir, 'identity');
    await fs.mkdir(target);
    const unpack = `read -r word seconds bytes id <&3; "$1" ${tool === 'tar' ? '' : 'tar'} -x -f - -C "$2" <&3; echo "$word $seconds $bytes $id"`;
    const { stdout } = await run('sh', ['-c', `exec 3<"$0"; ${unpack}`, message, program, target]);
    t.regex(stdout, /^resume \d{10} 2199023255552 [0-9a-f-]{36}\n$/);
    for (const [name, content] of Object.entries({ ...contents, 'engine.json': engineConfig })) {
      t.is(await fs.readFile(path.join(target, name), 'utf8'), content);
      t.is((await fs.stat(path.join(target, name))).mode & 0o777, 0o600, name);
    }
    t.is((await fs.readdir(target)).length, 5);
  });
}
