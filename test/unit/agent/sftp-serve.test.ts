import { PassThrough } from 'node:stream';
import test from 'ava';
import fc from 'fast-check';
import {
  bytesField,
  packet,
  PacketReader,
  packetTypes,
  statusCodes,
  uint32,
} from '../../../src/agent/sftp/packets.ts';
import { createTurn, serveSftp } from '../../../src/agent/sftp/serve.ts';
import { SharedTree } from '../../../src/agent/sftp/shared-tree.ts';
import type { RawFiles, RawStat } from '../../../src/host/types.ts';
import { createFakeHost } from '../../fakes/host.ts';

// A server of files whose files are data: nothing that a hostile client sends leads out of the shared directory.

const kinds: Readonly<Record<string, RawStat['kind']>> = {
  '/share': 'directory',
  '/share/dir': 'directory',
  '/share/dir/file': 'file',
  '/share/out': 'symlink',
  '/share/pipe': 'other',
};

/** Files by `kinds`; every path that is touched at all is noted. */
function recorded(): { readonly files: RawFiles; readonly touched: string[] } {
  const touched: string[] = [];
  const touch = (path: Uint8Array): string => {
    const text = Buffer.from(path).toString('latin1');
    touched.push(text);
    return text;
  };
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  const nothing = async (path: Uint8Array): Promise<never> =>
    Promise.resolve(fail(touch(path) === '' ? 'EIO' : 'ENOENT'));
  const files: RawFiles = {
    lstat: async (path) => {
      const kind = kinds[touch(path)] ?? fail('ENOENT');
      return Promise.resolve({ kind, sizeBytes: 0, mode: 0o644, uid: 1, gid: 1, accessedS: 0, modifiedS: 0 });
    },
    realPath: async (path) =>
      Promise.resolve(Buffer.from(touch(path) === '/share/out' ? '/etc/passwd' : '/share')),
    readLink: async (path) => Promise.resolve(Buffer.from(touch(path) === '' ? '' : '/etc/passwd')),
    list: nothing,
    open: nothing,
    makeDirectory: nothing,
    removeDirectory: nothing,
    removeFile: nothing,
    rename: nothing,
    link: nothing,
    symlink: nothing,
    chmod: nothing,
    chown: nothing,
    setTimes: nothing,
    setLinkTimes: nothing,
    space: nothing,
  };
  return { files, touched };
}

/** Sends packets, and returns the types of the answers, each with the code of a status. */
async function ask(
  packets: readonly Uint8Array[],
  platform: NodeJS.Platform = 'linux',
): Promise<{
  readonly answers: readonly (readonly [number, number])[];
  readonly touched: readonly string[];
}> {
  const { files, touched } = recorded();
  const host = createFakeHost({ platform });
  const tree = await SharedTree.open(host, files, { path: '/share', isReadOnly: false });
  touched.length = 0;
  const [input, output] = [new PassThrough(), new PassThrough()];
  const sent: Buffer[] = [];
  output.on('data', (chunk: Buffer) => sent.push(chunk));
  for (const each of packets) {
    input.write(each);
  }
  input.end();
  await serveSftp(tree, { input, output, turn: createTurn() });
  const all = new PacketReader(Buffer.concat(sent));
  const answers = packets.map(() => {
    const reader = new PacketReader(all.bytes());
    const type = reader.byte();
    reader.uint32();
    return [type, type === packetTypes.status ? reader.uint32() : -1] as const;
  });
  return { answers, touched };
}

const pathRequests = [
  ...[packetTypes.lstat, packetTypes.stat, packetTypes.opendir, packetTypes.remove, packetTypes.rmdir],
  packetTypes.readlink,
] as const;

function request(type: number, path: string, ...rest: Uint8Array[]): Buffer {
  return packet(type, uint32(7), bytesField(path), ...rest);
}

function everyRequest(path: string): Buffer[] {
  const noAttributes = uint32(0);
  return [
    ...pathRequests.map((type) => request(type, path)),
    request(packetTypes.open, path, uint32(0x1a), noAttributes),
    request(packetTypes.mkdir, path, noAttributes),
    request(packetTypes.setstat, path, uint32(4), uint32(0o777)),
    request(packetTypes.rename, path, bytesField('/dir/new')),
    request(packetTypes.rename, '/dir/file', bytesField(path)),
    request(packetTypes.symlink, 'target', bytesField(path)),
    ...['posix-rename@openssh.com', 'hardlink@openssh.com'].map((name) =>
      packet(packetTypes.extended, uint32(7), bytesField(name), bytesField('/dir/file'), bytesField(path)),
    ),
  ];
}

test('no request with ".." touches anything outside, nor does one through a symlink', async (t) => {
  for (const path of [
    '..',
    '/../etc/passwd',
    '/dir/../../etc',
    'dir/..',
    '/out/x',
    '/out/dir/x',
    '/dir/file/x',
  ]) {
    const { answers, touched } = await ask(everyRequest(path));
    for (const [type, code] of answers) {
      t.is(type, packetTypes.status, path);
      t.not(code, statusCodes.ok, path);
    }
    for (const each of touched) {
      t.true(each in kinds || each === '/share/dir/new', `${path}: ${each}`);
    }
  }
});

test('a symlink is not followed out of the directory, and only files are opened', async (t) => {
  const read = [uint32(1), uint32(0)];
  const { answers, touched } = await ask([
    request(packetTypes.stat, '/out'),
    request(packetTypes.lstat, '/out'),
    request(packetTypes.open, '/out', ...read),
    request(packetTypes.open, '/pipe', ...read),
    request(packetTypes.open, '/dir', ...read),
  ]);
  t.deepEqual(answers, [
    [packetTypes.status, statusCodes.noSuchFile],
    [packetTypes.attrs, -1],
    [packetTypes.status, statusCodes.permissionDenied],
    [packetTypes.status, statusCodes.permissionDenied],
    [packetTypes.status, statusCodes.failure],
  ]);
  t.true(touched.every((path) => path in kinds));
});

test('on Windows a name with a backslash or a colon is none', async (t) => {
  for (const path of ['/dir\\..\\..', '/C:', '/dir/file:stream', '/\\\\server\\x']) {
    const { answers, touched } = await ask(everyRequest(path), 'win32');
    t.true(answers.every(([type, code]) => type === packetTypes.status && code !== statusCodes.ok));
    t.true(
      touched.every((each) => each in kinds || each === '/share/dir/new'),
      touched.join(' '),
    );
  }
});

test('paths of any bytes stay inside; whatever is sent, the server answers or ends', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...pathRequests),
      async (bytes, type) => {
        const path = Buffer.from(bytes).toString('latin1');
        const { touched } = await ask([packet(type, uint32(1), bytesField(Buffer.from(bytes)))]);
        t.true(
          touched.every((each) => each === '/share' || each.startsWith('/share/')),
          path,
        );
        t.false(touched.some((each) => each.split('/').includes('..')));
      },
    ),
    { seed: 3, numRuns: 300 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (bytes) => {
      await ask([packet(bytes[0] ?? 0, bytes.subarray(1))]).catch((error: unknown) => {
        t.true(error instanceof Error);
      });
    }),
    { seed: 4, numRuns: 300 },
  );
});

test('requests are known by their order, what is not known is refused, and a handle only once', async (t) => {
  const { answers } = await ask([
    packet(99, uint32(1)),
    packet(packetTypes.extended, uint32(1), bytesField('unknown@example.com')),
    packet(packetTypes.read, uint32(1), bytesField(uint32(5)), Buffer.alloc(8), uint32(10)),
    packet(packetTypes.close, uint32(1), bytesField('x')),
  ]);
  t.deepEqual(
    answers.map(([, code]) => code),
    [statusCodes.unsupported, statusCodes.unsupported, statusCodes.failure, statusCodes.failure],
  );
});
