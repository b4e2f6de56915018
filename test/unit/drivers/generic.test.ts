import { Socket } from 'node:net';
import test from 'ava';
import driver from '../../../src/drivers/generic/driver.ts';
import type { DriverContext } from '../../../src/drivers/driver.ts';
import type { Address } from '../../../src/host/types.ts';
import { createFakeHost } from '../../fakes/host.ts';

const directory = '/home/user/.docker/machine/machines/dev';

function contextOf(
  record: Record<string, unknown>,
  saved: Record<string, unknown> = {},
): DriverContext<unknown> {
  return {
    host: createFakeHost(),
    name: 'dev',
    directory,
    config: driver.readConfig(record),
    signal: new AbortController().signal,
    emit: () => undefined,
    save: async (part) => {
      Object.assign(saved, part);
    },
  };
}

test('the defaults and keys of the record are those of docker-machine', (t) => {
  t.deepEqual(driver.configure({ 'generic-ip-address': '192.0.2.7' }), {
    config: { EnginePort: 2376, SSHKey: '' },
    common: { ipAddress: '192.0.2.7', sshUser: 'root', sshPort: 22 },
  });
});

test('without an address it says so in words that scripts know', (t) => {
  t.throws(() => driver.configure({}), {
    message: 'generic driver requires the --generic-ip-address option',
  });
});

test('what could be taken for an option or an injection is no address and no user', (t) => {
  for (const address of ['-oProxyCommand=x', 'a b', 'a;b', 'a/b', 'host:22', '$(id)', 'x'.repeat(300)]) {
    t.throws(() => driver.configure({ 'generic-ip-address': address }));
    t.throws(() => driver.readConfig({ IPAddress: address }));
  }
  t.throws(() => driver.configure({ 'generic-ip-address': 'a', 'generic-ssh-user': '-l root' }));
  for (const address of ['a', 'build-1.example.com', '::1', '2001:db8::1', '192.0.2.7']) {
    t.notThrows(() => driver.configure({ 'generic-ip-address': address }));
  }
});

test('a record of docker-machine is read', (t) => {
  t.like(
    driver.readConfig({
      IPAddress: '192.0.2.7',
      SSHUser: 'root',
      SSHPort: 22,
      SSHKeyPath: '/k',
      EnginePort: 2376,
      SSHKey: '/o',
    }),
    { address: '192.0.2.7', sshKeyPath: '/k', sshKey: '/o', enginePort: 2376 },
  );
});

test('a key that is not there fails the check before anything is made', async (t) => {
  const [finding] = await driver.check(contextOf({ IPAddress: '192.0.2.7', SSHKey: '/nope' }));
  t.is(finding?.message, 'SSH key does not exist: "/nope"');
});

test('the key and its public half are copied, closed to others, and the copy is recorded', async (t) => {
  const saved: Record<string, unknown> = {};
  const context = contextOf({ IPAddress: '192.0.2.7', SSHKey: '/keys/id_mine' }, saved);
  const { files } = context.host;
  await files.makeDirectory('/keys', 0o700);
  await files.makeDirectory(directory, 0o700);
  await files.writeAtomic('/keys/id_mine', 'private\n', 0o644);
  await files.writeAtomic('/keys/id_mine.pub', 'public\n', 0o644);
  for (const step of driver.steps(context)) {
    await step.run();
  }
  t.deepEqual(saved, { SSHKeyPath: `${directory}/id_mine` });
  t.is(await files.readText(`${directory}/id_mine`), 'private\n');
  t.is((await files.stat(`${directory}/id_mine`))?.mode, 0o600);
  t.is(await files.readText(`${directory}/id_mine.pub`), 'public\n');
});

test('a key with the name of a file of the machine gets another', async (t) => {
  const saved: Record<string, unknown> = {};
  const context = contextOf({ IPAddress: '192.0.2.7', SSHKey: '/keys/key.pem' }, saved);
  await context.host.files.makeDirectory('/keys', 0o700);
  await context.host.files.makeDirectory(directory, 0o700);
  await context.host.files.writeAtomic('/keys/key.pem', 'private\n', 0o600);
  await driver.steps(context)[0]?.run();
  t.deepEqual(saved, { SSHKeyPath: `${directory}/id_rsa` });
});

test('the SSH server is not asked for the state of a host whose engine answers', async (t) => {
  const context = contextOf({ IPAddress: '192.0.2.7' });
  const asked: number[] = [];
  const answering = (open: number) => ({
    ...context.host.network,
    connect: async (address: Address) => {
      const port = 'port' in address ? address.port : 0;
      asked.push(port);
      if (port !== open) {
        throw new Error('connect ECONNREFUSED');
      }
      return new Socket();
    },
  });
  for (const open of [2376, 22]) {
    const status = await driver.inspect({ ...context, host: { ...context.host, network: answering(open) } });
    t.is(status.power, 'running');
  }
  t.deepEqual(asked, [2376, 2376, 22]);
});

test('a host that does not answer is an error with a reason, never stopped', async (t) => {
  const context = contextOf({ IPAddress: '192.0.2.7' });
  const network = {
    ...context.host.network,
    connect: () => Promise.reject(new Error('connect ECONNREFUSED')),
  };
  const status = await driver.inspect({ ...context, host: { ...context.host, network } });
  t.is(status.power, 'error');
  t.regex(status.detail ?? '', /SSH does not answer at 192\.0\.2\.7:22: connect ECONNREFUSED/);
  t.is(status.engineUrl, undefined);
});

test('a restart that is refused on the host is an error, one that cuts the connection is not', async (t) => {
  const context = contextOf({ IPAddress: '192.0.2.7' });
  const restart = (exitCode: number | undefined) =>
    driver.restart?.({
      ...context,
      runRemote: async () => ({ exitCode, stdout: '', stderr: 'a password is required' }),
    });
  await t.notThrowsAsync(async () => restart(undefined));
  await t.notThrowsAsync(async () => restart(0));
  t.like(await t.throwsAsync(async () => restart(1)), {
    code: 'provision-failed',
    why: 'a password is required',
  });
});
