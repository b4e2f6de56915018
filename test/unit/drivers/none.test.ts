import test from 'ava';
import type { DriverContext } from '../../../src/drivers/driver.ts';
import driver from '../../../src/drivers/none/driver.ts';
import { createFakeHost } from '../../fakes/host.ts';

function contextFor(url: string): DriverContext<unknown> {
  return {
    host: createFakeHost(),
    name: 'x',
    directory: '/store/machines/x',
    config: driver.readConfig({ URL: url }),
    signal: new AbortController().signal,
    emit: () => undefined,
    save: async () => undefined,
  };
}

test("the record is docker-machine's: URL, and the address with its port", (t) => {
  t.deepEqual(driver.configure({ url: 'tcp://192.0.2.7:2376' }), {
    config: { URL: 'tcp://192.0.2.7:2376' },
    common: { ipAddress: '192.0.2.7:2376' },
  });
  t.is(driver.configure({ url: 'none' }).common?.ipAddress, '');
  t.is(driver.configure({ url: 'unix:///var/run/docker.sock' }).common?.ipAddress, '');
  t.is(
    driver.configure({ url: 'https://ann:secret@docker.example:2376/x?y' }).common?.ipAddress,
    'docker.example:2376',
  );
});

test("the URL is required, with docker-machine's text", (t) => {
  for (const url of [undefined, '', true]) {
    t.throws(() => driver.configure({ url }), {
      message: '--url option is required when no driver is selected',
    });
  }
});

test('a record without a URL is refused', (t) => {
  for (const raw of [{}, { URL: 1 }, { url: 'tcp://a:1' }]) {
    t.throws(() => driver.readConfig(raw), { name: 'MachineError' });
  }
});

test('the state is Running, the address comes without its port', async (t) => {
  const probe = async (url: string): Promise<unknown> => driver.inspect(contextFor(url));
  t.deepEqual(await probe('tcp://192.0.2.7:2376'), {
    power: 'running',
    engineUrl: 'tcp://192.0.2.7:2376',
    address: '192.0.2.7',
  });
  t.like(await probe('tcp://[2001:db8::1]:2376'), { address: '2001:db8::1' });
  t.deepEqual(await probe('none'), { power: 'running', engineUrl: 'none' });
});

test("power verbs are refused with docker-machine's texts; there is nothing to remove", async (t) => {
  const context = contextFor('tcp://192.0.2.7:2376');
  for (const [verb, done] of [
    ['start', 'started'],
    ['stop', 'stopped'],
    ['kill', 'killed'],
  ] as const) {
    await t.throwsAsync(driver[verb](context), { message: `hosts without a driver cannot be ${done}` });
  }
  await driver.remove(context);
  t.deepEqual(driver.steps(context), []);
});
