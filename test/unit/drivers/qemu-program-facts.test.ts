import test from 'ava';
import { readProgramFacts } from '../../../src/drivers/qemu/program-facts.ts';
import { createFakeHost } from '../../fakes/host.ts';

const program = '/usr/bin/qemu-system-x86_64';

test('a QEMU is asked once for its version and whether it can share directories', async (t) => {
  for (const [exitCode, canShare] of [
    [0, true],
    [1, false],
  ] as const) {
    const host = createFakeHost({ tree: { [program]: 'elf' } });
    host.processes.answer(program, ({ args }) =>
      args.includes('--version') ? { stdout: 'QEMU emulator version 9.2.0 (x)\nCopyright\n' } : { exitCode },
    );
    const facts = await readProgramFacts(host, program);
    t.like(facts, { build: 'QEMU emulator version 9.2.0 (x)', canShare });
    t.deepEqual(await readProgramFacts(host, program), facts);
    t.deepEqual(host.processes.argumentsOf(program), [
      ['--version'],
      ['-M', 'none', '-device', 'virtio-9p-pci,help'],
    ]);
  }
});
