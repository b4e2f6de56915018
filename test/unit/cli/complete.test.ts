import test from 'ava';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { run } from '../../../src/cli/main.ts';

async function completions(line: string): Promise<readonly string[]> {
  const host = createFakeHost({
    tree: {
      '/home/ann/.docker/machine/machines/dev/config.json': '{',
      '/home/ann/.docker/machine/machines/web/config.json': '{',
    },
  });
  const io = createFakeIo(host);
  const words = line.split(' ');
  requireQuiet(
    await run(['completion', 'words', ...words.slice(0, -1), `=${words.at(-1) ?? ''}`], io),
    io.stderr.text,
  );
  return io.stdout.text.split('\n').filter((word) => word !== '');
}

function requireQuiet(code: number, text: string): void {
  if (code !== 0 || text !== '') {
    throw new Error(`exit code ${code}: ${text}`);
  }
}

const cases: readonly (readonly [string, readonly string[]])[] = [
  ['st', ['start', 'status', 'stop']],
  ['-D st', ['start', 'status', 'stop']],
  ['--stor', ['--storage-path']],
  ['image l', ['lock', 'ls']],
  ['image b', ['build']],
  ['image build --arch ', ['amd64', 'arm64']],
  ['image build ', []],
  ['url ', ['dev', 'web']],
  ['start dev w', ['web']],
  ['rm --', ['--force', '--help']],
  ['create ', []],
  ['create -d n', ['none']],
  ['create -d none --u', ['--url']],
  ['create -d none --qemu', []],
  ['create --on-error ', ['keep', 'rollback']],
  ['env --shell p', ['powershell', 'pwsh']],
  ['bogus ', []],
  ['help imag', ['image']],
];

for (const [line, expected] of cases) {
  test(`completes: ${line}|`, async (t) => {
    t.deepEqual(await completions(line), expected);
  });
}

test('the scripts call the program by the name it has', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const io = createFakeIo(createFakeHost(), { program: 'docker-machine' });
    t.is(await run(['completion', shell], io), 0);
    t.regex(io.stdout.text, /docker-machine completion words/);
    t.notRegex(io.stdout.text, /tsmachine|_docker-/);
  }
  const io = createFakeIo(createFakeHost());
  t.is(await run(['completion', 'zzz'], io), 2);
});
