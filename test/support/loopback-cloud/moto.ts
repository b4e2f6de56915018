import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';

// moto, which keeps the state of an account of AWS in memory and answers like EC2: from Debian's packages, unpacked by
// test/support/unpack-moto.sh into the cache.

const python = '/usr/bin/python3';
const readyTimeoutMs = 60_000;

/** A moto that runs. */
export interface Moto {
  readonly url: string;
  /** An account in which nothing was made. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

function motoDirectory(): string {
  return path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'tsmachine', 'moto');
}

/** Why there is none; undefined when there is. */
export function motoMissing(): string | undefined {
  if (!existsSync(path.join(motoDirectory(), 'moto', 'server.py'))) {
    return 'needs moto: test/support/unpack-moto.sh';
  }
  return existsSync(python) && existsSync('/usr/lib/python3/dist-packages/cryptography')
    ? undefined
    : 'needs python3 and python3-cryptography';
}

/** The images that there are to choose from. moto's own are of systems that nobody sells any more. */
const images = [
  image('ami-0aaaaaaaaaaaaaaa1', 'amd64', '20240423', '2024-04-23T10:00:00.000Z'),
  image('ami-0aaaaaaaaaaaaaaa2', 'amd64', '20250610', '2025-06-10T10:00:00.000Z'),
  image('ami-0bbbbbbbbbbbbbbb1', 'arm64', '20250610', '2025-06-10T10:00:00.000Z'),
];

function image(id: string, architecture: string, serial: string, created: string): Record<string, unknown> {
  return {
    ami_id: id,
    state: 'available',
    public: true,
    owner_id: '099720109477',
    image_location: `amazon/ubuntu-noble-24.04-${architecture}-server-${serial}`,
    sriov: 'simple',
    root_device_type: 'ebs',
    root_device_name: '/dev/sda1',
    description: 'Canonical, Ubuntu, 24.04',
    image_type: 'machine',
    architecture: architecture === 'amd64' ? 'x86_64' : 'arm64',
    name: `ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-${architecture}-server-${serial}`,
    virtualization_type: 'hvm',
    hypervisor: 'xen',
    creation_date: created,
  };
}

/** Starts moto on a free port of this computer. @throws Error with what it said when it does not answer. */
export async function startMoto(): Promise<Moto> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-moto-'));
  const imagesPath = path.join(directory, 'images.json');
  await writeFile(imagesPath, JSON.stringify(images));
  const child = spawn(python, ['-u', '-W', 'ignore', '-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'], {
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      HOME: directory,
      PYTHONPATH: motoDirectory(),
      PYTHONDONTWRITEBYTECODE: '1',
      MOTO_AMIS_PATH: imagesPath,
      MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: '1',
      MOTO_ENABLE_KEYPAIR_VALIDATION: '1',
      MOTO_ENABLE_AMI_VALIDATION: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await rm(directory, { recursive: true, force: true });
  };
  let said = '';
  const url = await new Promise<string | undefined>((resolve) => {
    const timer = setTimeout(resolve, readyTimeoutMs, undefined);
    const done = (found: string | undefined): void => {
      clearTimeout(timer);
      resolve(found);
    };
    child.once('error', () => {
      done(undefined);
    });
    child.once('exit', () => {
      done(undefined);
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-10_000);
        const found = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
        if (found !== undefined) {
          done(found);
        }
      });
    }
  });
  if (url === undefined) {
    await stop();
    throw new Error(`moto does not start: ${said}`);
  }
  const reset = async (): Promise<void> => {
    await fetch(`${url}/moto-api/reset`, { method: 'POST' });
  };
  return { url, reset, stop };
}
