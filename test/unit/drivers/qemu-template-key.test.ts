import test from 'ava';
import type { Accelerator } from '../../../src/drivers/qemu-board.ts';
import {
  resumeObstacle,
  templateId,
  templateKey,
  templateLaunch,
  type TemplateShape,
} from '../../../src/drivers/qemu/template/key.ts';
import { createFakeHost, type FakeHostOptions } from '../../fakes/host.ts';
import { image } from './template-scene.ts';

const facts = {
  version: { major: 7, minor: 2, text: '7.2.22' },
  build: 'QEMU emulator version 7.2.22 (Debian 1)',
};
const config = { cpus: 2, memoryMiB: 2048, diskSizeMiB: 20_000 };
const shape: TemplateShape = { image, facts, accelerator: 'tcg', config, shares: [], engineConfig: '{}\n' };

const cpuinfo = (change: Readonly<Record<string, string>> = {}): string =>
  Object.entries({
    processor: '0',
    vendor_id: 'GenuineIntel',
    'cpu family': '6',
    model: '158',
    'model name': 'Xeon',
    stepping: '10',
    microcode: '0xf0',
    'cpu MHz': '3600.1',
    flags: 'fpu vme rdrand',
    bogomips: '7200',
    ...change,
  })
    .map(([name, value]) => `${name}\t: ${value}\n`)
    .join('');

const linux = (change: Readonly<Record<string, string>> = {}, release = '6.1.0-18'): FakeHostOptions => ({
  tree: {
    '/proc/cpuinfo': `${cpuinfo(change)}\n${cpuinfo({ processor: '1', 'cpu MHz': '800' })}`,
    '/proc/sys/kernel/osrelease': `${release}\n`,
  },
});

async function idOf(
  change: Partial<TemplateShape> = {},
  options: FakeHostOptions = linux(),
): Promise<string> {
  return templateId(await templateKey(createFakeHost(options), { ...shape, ...change }));
}

test('everything that a saved guest depends on is in the key', async (t) => {
  const changes: Readonly<Record<string, Partial<TemplateShape>>> = {
    image: { image: { ...image, digest: 'e'.repeat(64) } },
    build: { facts: { ...facts, build: 'QEMU emulator version 7.2.22 (Debian 2)' } },
    version: { facts: { ...facts, version: { ...facts.version, minor: 3 } } },
    accelerator: { accelerator: 'kvm' },
    cpus: { config: { ...config, cpus: 3 } },
    memory: { config: { ...config, memoryMiB: 2049 } },
    engine: { engineConfig: '{"labels":["provider=qemu"]}\n' },
    'small disk': { config: { ...config, diskSizeMiB: 19_999 } },
    'smaller disk': { config: { ...config, diskSizeMiB: 19_998 } },
  };
  const ids = new Map([['nothing', await idOf()]]);
  for (const [name, change] of Object.entries(changes)) {
    ids.set(name, await idOf(change));
  }
  t.is(new Set(ids.values()).size, ids.size, JSON.stringify([...ids]));
  t.regex(ids.get('nothing') ?? '', /^[0-9a-f]{32}$/);
});

test('what a saved guest does not depend on is not in the key', async (t) => {
  const id = await idOf();
  const moved = {
    ...image,
    kernelPath: '/elsewhere/k',
    initrdPath: '/elsewhere/i',
    rootPath: '/elsewhere/r',
  };
  t.is(await idOf({ image: moved }), id, 'paths of the image');
  t.is(await idOf({ image: { ...image, version: 'other' } }), id, 'name of the image');
  const own = { ...config, accelerator: 'auto', program: '/opt/qemu', enginePort: 42_376 };
  t.is(await idOf({ config: own }), id, 'the rest of the configuration');
  t.is(await idOf({}, { ...linux(), homeDirectory: '/home/ben', userName: 'ben', pid: 7 }), id, 'who asks');
  t.is(await idOf({}, linux({ 'model name': 'EPYC' }, '6.12')), id, 'the processor, when it is emulated');
});

test('disks of 20000 MB and more share a template', async (t) => {
  const id = await idOf();
  for (const diskSizeMiB of [20_001, 40_000, 1024 * 1024]) {
    t.is(await idOf({ config: { ...config, diskSizeMiB } }), id);
  }
});

test('with KVM the processor and kernel of this computer count, what changes by the minute does not', async (t) => {
  const kvm = { accelerator: 'kvm' } as const;
  const id = await idOf(kvm);
  for (const name of ['vendor_id', 'cpu family', 'model', 'model name', 'stepping', 'microcode', 'flags']) {
    t.not(await idOf(kvm, linux({ [name]: 'other' })), id, name);
  }
  t.not(await idOf(kvm, linux({}, '6.1.0-19')), id, 'kernel');
  t.is(await idOf(kvm, linux({ 'cpu MHz': '1200.5', bogomips: '1' })), id);
});

test('what cannot be resumed is said: platforms, accelerators, architectures', (t) => {
  const on = (platform: NodeJS.Platform, change: Partial<TemplateShape> = {}): string | undefined =>
    resumeObstacle(createFakeHost({ platform }), { ...shape, ...change });
  const arm = { ...image, architecture: 'arm64' } as const;
  t.is(on('linux'), undefined);
  t.is(on('linux', { accelerator: 'kvm' }), undefined);
  t.is(on('darwin'), undefined);
  t.regex(on('win32') ?? '', /Windows/);
  for (const accelerator of ['hvf', 'whpx', 'nvmm'] satisfies Accelerator[]) {
    t.regex(on('linux', { accelerator }) ?? '', new RegExp(accelerator));
  }
  t.regex(on('linux', { image: arm }) ?? '', /arm64/);
});

test('the board is named with its version', (t) => {
  t.is(templateLaunch(shape).machineType, 'pc-q35-7.2');
  const newer = { ...facts, version: { major: 10, minor: 0, text: '10.0.3' } };
  t.is(templateLaunch({ ...shape, facts: newer }).machineType, 'pc-q35-10.0');
});
