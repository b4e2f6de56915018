import test from 'ava';
import { loadDriver } from '../../../src/drivers/registry.ts';
import type { OpenMachine } from '../../../src/machine/open.ts';
import { newSidecar, ownDataOf, type OwnData } from '../../../src/machine/own-data.ts';
import { driverCache } from '../../../src/machine/driver-cache.ts';
import { bootReason, resumeMaterial } from '../../../src/machine/resume-material.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import type { EngineOptions } from '../../../src/store/record.ts';
import { noneRequest, openTestSession, storePath } from './support.ts';

const creating: OwnData = {
  phase: 'creating',
  tlsKeyType: 'ec',
  cold: false,
  shares: [],
  publish: 'loopback',
  ignores: [],
  dnsServers: [],
  extraAuthorities: [],
};
const qemuCache = `${storePath}/cache/drivers/qemu`;

async function machineOf(driverName: string, engine: Partial<EngineOptions> = {}): Promise<OpenMachine> {
  const driver = await loadDriver(driverName, openTestSession());
  const record = newRecord({ storePath, name: 'm', driverName, driver: {}, engine });
  return { name: 'm', directory: `${storePath}/machines/m`, record, driver, config: {} };
}

test('a machine that is being created gets the cache of its driver and both configurations', async (t) => {
  const session = openTestSession();
  const material = await resumeMaterial(session, await machineOf('qemu', { Labels: ['a=b'] }), creating);
  t.is(material?.cache.directory, qemuCache);
  t.regex(material?.engineConfig ?? '', /"a=b","provider=qemu"/);
  t.regex(material?.defaultEngineConfig ?? '', /\["provider=qemu"\]/);
  const plain = await resumeMaterial(session, await machineOf('qemu'), creating);
  t.is(plain?.engineConfig, plain?.defaultEngineConfig);
});

test('no machine but one that is being created is resumed', async (t) => {
  const session = openTestSession();
  const machine = await machineOf('qemu');
  for (const phase of ['ready', 'removing'] as const) {
    t.is(await resumeMaterial(session, machine, { ...creating, phase }), undefined);
  }
  t.is(await resumeMaterial(session, machine, ownDataOf(undefined)), undefined, 'made by docker-machine');
});

test('--cold is kept with the machine, and means a boot without a remark', async (t) => {
  const session = openTestSession();
  const machine = await machineOf('qemu', { Env: ['A=1'] });
  const cold = ownDataOf(
    newSidecar(session, noneRequest('m', { cold: true }), { sharing: { shares: [], way: undefined } }),
  );
  t.true(cold.cold);
  t.is(await resumeMaterial(session, await machineOf('qemu'), cold), undefined);
  t.is(await bootReason(session, machine, cold), undefined);
  t.false(ownDataOf(newSidecar(session, noneRequest('m'), { sharing: { shares: [], way: undefined } })).cold);
});

test('options that a running engine does not take over mean a boot, with the reason', async (t) => {
  const session = openTestSession();
  for (const engine of [{ ArbitraryFlags: ['debug'] }, { Env: ['A=1'] }, { StorageDriver: 'vfs' }]) {
    const machine = await machineOf('qemu', engine);
    t.is(await resumeMaterial(session, machine, creating), undefined);
    t.regex(
      (await bootReason(session, machine, creating)) ?? '',
      /a running engine does not take over --engine-/,
    );
  }
  t.is(await bootReason(session, await machineOf('qemu'), creating), undefined);
});

test('a driver that saves no guests has nothing to do with it', async (t) => {
  const machine = await machineOf('none', { Env: ['A=1'] });
  const session = openTestSession();
  t.is(await resumeMaterial(session, machine, creating), undefined);
  t.is(await bootReason(session, machine, creating), undefined);
});

test('proxies of this computer mean a boot, unless the machine does not follow them', async (t) => {
  const session = openTestSession({ env: { HTTPS_PROXY: 'http://proxy.example:3128' } });
  const machine = await machineOf('qemu');
  t.is(await resumeMaterial(session, machine, creating), undefined);
  t.regex((await bootReason(session, machine, creating)) ?? '', /the proxies of this computer/);
  t.not(await resumeMaterial(session, machine, { ...creating, ignores: ['proxies'] }), undefined);
});

test('the cache lets one at a time do what has the same name, others at once, and says whom it waits for', async (t) => {
  const session = openTestSession();
  const cache = driverCache(session, 'qemu');
  const order: string[] = [];
  const work = (name: string, label: string) => async () =>
    cache.exclusively(name, async () => {
      order.push(`${label} begins`);
      await session.host.clock.sleep(1000);
      order.push(`${label} ends`);
      return label;
    });
  t.deepEqual(await Promise.all([work('x', 'a')(), work('x', 'b')()]), ['a', 'b']);
  t.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends']);
  t.deepEqual(session.events, [
    { type: 'note', message: 'Waiting for process 1000 that prepares the same.' },
  ]);
  order.length = 0;
  await Promise.all([work('x', 'a')(), work('y', 'b')()]);
  t.deepEqual(order.slice(0, 2), ['a begins', 'b begins']);
  t.deepEqual(await session.host.files.list(qemuCache), []);
});

test('work that fails gives its name back', async (t) => {
  const cache = driverCache(openTestSession(), 'qemu');
  await t.throwsAsync(
    cache.exclusively('x', async () => {
      throw new Error('no luck');
    }),
    { message: 'no luck' },
  );
  t.is(await cache.exclusively('x', async () => 1), 1);
});
