import test from 'ava';
import { extractVmlinux } from '../../../src/image/bzimage.ts';
import { makeBzImage, makeZstd } from './make-kernel.ts';

const vmlinux = Buffer.from(`\x7fELF${'kernel '.repeat(100)}`, 'latin1');

test('the kernel comes out as it was', (t) => {
  const kernel = makeBzImage(vmlinux);
  t.deepEqual(Buffer.from(extractVmlinux(kernel, 'vmlinuz')), vmlinux);
  t.deepEqual(Buffer.from(extractVmlinux(kernel, 'vmlinuz', { hashIsKnown: true })), vmlinux);
});

test('other files, other compressions and cut kernels are refused', (t) => {
  const good = makeBzImage(vmlinux);
  const cases: Record<string, Buffer> = {
    'an empty file': Buffer.alloc(0),
    'no kernel': Buffer.alloc(4096),
    'gzip inside': makeBzImage(vmlinux, Buffer.from('1f8b0800000000000000', 'hex')),
    'cut off': good.subarray(0, 1100),
    'damaged zstd': makeBzImage(
      vmlinux,
      Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.alloc(20, 0xff)]),
    ),
    'another size': makeBzImage(vmlinux, makeZstd(vmlinux.subarray(0, 50))),
    'no ELF inside': makeBzImage(Buffer.alloc(700, 1)),
  };
  for (const [name, bytes] of Object.entries(cases)) {
    t.throws(() => extractVmlinux(bytes, 'vmlinuz'), { code: 'image-invalid' }, name);
  }
});
