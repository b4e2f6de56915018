import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { projectRoot, runNode, type Row, type Run } from './measure.ts';

const program = path.join(projectRoot, 'bin', 'tsmachine.js');
const ways = ['9p', 'virtiofs', 'sftp'] as const;
const directories = 20;
const filesEach = 50;

/**
 * What a machine of QEMU does with a directory, in its own seconds: on its own disk, and shared in each way that this
 * computer has. Run as root in the guest. The numbers are lines "NAME SECONDS".
 */
const work = `set -e
cd "$1"
seconds() { read -r up _ </proc/uptime; echo "$up"; }
timed() {
  name=$1 begin=$(seconds)
  shift
  "$@" >/dev/null
  echo "$name $(seconds) $begin" | awk '{ print $1, $2 - $3 }'
}
forget() { sync; echo 3 >/proc/sys/vm/drop_caches; }
make_small() { for n in $(seq 300); do echo "$n" >"small/$n"; done; }
read_small() { for n in $(seq 300); do read -r _ <"small/$n"; done; }
mkdir small
timed write dd if=/dev/zero of=large bs=1M count=64 conv=fsync
forget
timed read dd if=large of=/dev/null bs=1M
timed create make_small
forget
timed open read_small
timed remove rm -r small
forget
timed stat ls -lR tree
rm large
`;

/** Measures every way once, one after the other: each needs a start of the machine. */
export async function measureShares(): Promise<Row[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-shares-'));
  const share = path.join(home, 'share');
  const env = { MACHINE_STORAGE_PATH: path.join(home, 'store'), DOCKER_CONFIG: path.join(home, 'docker') };
  const tsmachine = async (...args: string[]): Promise<Run> => {
    const run = await runNode({ args: [program, ...args], env });
    if (run.exitCode !== 0) {
      throw new Error(`${args.join(' ')}: ${run.stderr}`);
    }
    return run;
  };
  const measure = async (what: string, directory: string): Promise<Row[]> => {
    const script = Buffer.from(work).toString('base64');
    const command = `echo ${script} | base64 -d >/tmp/work && sudo -n sh /tmp/work ${directory}`;
    const { stdout } = await tsmachine('ssh', 'bench', command);
    return rowsOf(what, stdout);
  };
  try {
    await makeTree(share);
    await tsmachine('create', '-d', 'qemu', '--cold', '--share', share, '--share-type', '9p', 'bench');
    const tree = `sudo -n mkdir -p /var/lib/docker/bench && sudo -n cp -r ${share}/tree /var/lib/docker/bench`;
    await tsmachine('ssh', 'bench', tree);
    const rows = await measure('own disk', '/var/lib/docker/bench');
    for (const way of ways) {
      if (way !== '9p') {
        await tsmachine('set', 'bench', '--share-type', way);
        await tsmachine('restart', 'bench');
      }
      rows.push(...(await measure(way, share)));
    }
    return rows;
  } finally {
    await runNode({ args: [program, 'rm', '-f', '-y', 'bench'], env });
    await rm(home, { recursive: true, force: true });
  }
}

async function makeTree(share: string): Promise<void> {
  for (let index = 0; index < directories; index += 1) {
    const directory = path.join(share, 'tree', String(index));
    await mkdir(directory, { recursive: true });
    await Promise.all(
      Array.from({ length: filesEach }, async (_, file) =>
        writeFile(path.join(directory, String(file)), 'x'),
      ),
    );
  }
}

const titles: Readonly<Record<string, string>> = {
  write: 'write 64 MB and sync',
  read: 'read 64 MB',
  create: 'create 300 small files',
  open: 'open and read them',
  remove: 'remove them',
  stat: `ls -lR of ${directories * (filesEach + 1)} names`,
};

function rowsOf(what: string, stdout: string): Row[] {
  return stdout
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [name = '', seconds = ''] = line.split(' ');
      const title = titles[name];
      return title === undefined
        ? []
        : [{ what: `shares, ${what}: ${title}`, value: Number(seconds), unit: 's' }];
    });
}
