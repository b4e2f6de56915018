import test from 'ava';
import { ModuleSet, modulesAlias, modulesDep } from '../../../iso/build/module-set.ts';
import { readModuleInfo } from '../../../iso/formats/modinfo.ts';
import { makeModule } from './make-elf.ts';
import { makeXz } from './make-xz.ts';

function kernel(modules: Readonly<Record<string, readonly string[]>>, builtin = ''): ModuleSet {
  const packed = new Map(
    Object.entries(modules).map(
      ([path, fields]) => [`kernel/${path}.ko.xz`, makeXz(makeModule(fields))] as const,
    ),
  );
  const unused = Buffer.alloc(0);
  return new ModuleSet({
    release: '6.12-made-up',
    image: unused,
    modules: packed,
    builtin,
    copyright: unused,
  });
}

const sample = {
  'fs/ext4': ['alias=fs-ext4', 'depends=jbd2,mbcache', 'license=GPL'],
  'fs/jbd2': ['depends='],
  'fs/mbcache': [],
  'net/a-b': ['depends=c-d', 'alias=pci:v1=x', 'softdep=pre: mbcache'],
  'net/c_d': ['depends=jbd2'],
};

test('what a module says is read', (t) => {
  const info = readModuleInfo(
    makeModule(['alias=pci:v00=1*', 'depends=virtio-ring,', 'alias=b', 'name=x']),
    'x.ko',
  );
  t.deepEqual(info, { depends: ['virtio_ring'], aliases: ['pci:v00=1*', 'b'] });
});

test.serial('dependencies are added, in any depth and notation', async (t) => {
  const found = await kernel(sample).closure(['a_b'], []);
  t.deepEqual(
    found.map((module) => module.path),
    ['kernel/fs/jbd2.ko', 'kernel/net/a-b.ko', 'kernel/net/c_d.ko'],
  );
});

test.serial('a built-in name is no module and no error', async (t) => {
  const found = await kernel(sample, 'kernel/fs/fuse/fuse.ko\nkernel/x/jbd2.ko\n').closure(
    ['fuse', 'ext4'],
    [],
  );
  t.deepEqual(
    found.map((module) => module.name),
    ['ext4', 'mbcache'],
  );
});

test.serial('an unknown name stops the build, unless the list says that it is absent', async (t) => {
  const error = await t.throwsAsync(kernel(sample).closure(['nft_counter'], []), {
    code: 'image-build-failed',
  });
  t.regex(error.message, /nft_counter/);
  t.deepEqual(await kernel(sample).closure(['vboxguest'], ['vboxguest']), []);
});

test.serial('a name that is said to be absent and is there stops the build', async (t) => {
  await t.throwsAsync(kernel(sample).closure(['ext4'], ['ext4']), { code: 'image-build-failed' });
});

test.serial('modules.dep and modules.alias are what modprobe reads', async (t) => {
  const found = await kernel(sample).closure(['a_b', 'ext4'], []);
  t.is(
    modulesDep(found),
    [
      'kernel/fs/ext4.ko: kernel/fs/mbcache.ko kernel/fs/jbd2.ko',
      'kernel/fs/jbd2.ko:',
      'kernel/fs/mbcache.ko:',
      'kernel/net/a-b.ko: kernel/net/c_d.ko kernel/fs/jbd2.ko',
      'kernel/net/c_d.ko: kernel/fs/jbd2.ko',
      '',
    ].join('\n'),
  );
  t.is(modulesAlias(found), 'alias fs-ext4 ext4\nalias pci:v1=x a_b\n');
});
