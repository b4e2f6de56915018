import type { ServerResponse } from 'node:http';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { tinyImage, withChangedByte } from '../../unit/image/tiny-image.ts';
import { imageBench, isWhole, type ImageBench, type Located } from './image-bench.ts';
import { imageServer, type ImageServer } from './image-server.ts';

const image = tinyImage({ rootBytes: 200_000 });
const root = image.sent.get('root.erofs.br') ?? Buffer.alloc(0);
const hash = `#sha256=${image.manifestSha256}`;

async function setUp(
  t: ExecutionContext,
  plain = false,
): Promise<{ bench: ImageBench; server: ImageServer; locate: () => Promise<Located> }> {
  const bench = await imageBench(t);
  const server = await imageServer(t, { folder: bench.folder, plain });
  image.sent.forEach((data, name) => server.files.set(name, data));
  const locate = async (): Promise<Located> =>
    bench.locate(`${server.base}/manifest.json${hash}`, { env: server.trust });
  return { bench, server, locate };
}

/** No image, and under the name of a file only what that file is. */
async function requireNothingWrong(t: ExecutionContext, { cached, storePath }: ImageBench): Promise<void> {
  for (const name of await cached()) {
    t.regex(name, /^\.download-/);
    const left = await readdir(path.join(storePath, 'cache', 'images', name));
    t.deepEqual(
      left.filter((file) => file !== 'manifest.json' && file !== 'vmlinuz' && file !== 'initrd.br'),
      [],
    );
  }
}

test('by HTTPS with a CA that Node was told of', async (t) => {
  const { bench, server, locate } = await setUp(t);
  const { image: found } = await locate();
  t.true(found !== undefined && (await isWhole(found, image)));
  t.deepEqual(await bench.cached(), [image.manifest.digest]);
  t.deepEqual(server.requests, ['manifest.json', 'vmlinuz', 'initrd.br', 'root.erofs.br']);
  t.deepEqual((await locate()).image, found);
  t.is(server.requests.length, 4, 'the second time nothing is asked');
});

test('by HTTPS with a certificate that nobody vouches for it is refused', async (t) => {
  const { bench, server } = await setUp(t);
  const { error } = await bench.locate(`${server.base}/manifest.json${hash}`);
  t.is(error?.code, 'download-failed');
  t.regex(error?.why ?? '', /certificate/);
  t.deepEqual(server.requests, []);
  await requireNothingWrong(t, bench);
});

test('plain HTTP is for this computer alone', async (t) => {
  const { bench, server } = await setUp(t, true);
  const { error } = await bench.locate(`http://images.example/manifest.json${hash}`);
  t.is(error?.code, 'download-failed');
  t.regex(error?.message ?? '', /is not an HTTPS URL/);
  const local = await bench.locate(`${server.base}/manifest.json${hash}`);
  t.is(local.image?.digest, image.manifest.digest);
});

test('a redirect from HTTPS to HTTP is refused', async (t) => {
  const { bench, server, locate } = await setUp(t);
  const plain = await imageServer(t, { folder: bench.folder, plain: true });
  image.sent.forEach((data, name) => plain.files.set(name, data));
  server.intercept = (name, response) => {
    response.writeHead(302, { location: `${plain.base}/${name}` }).end();
    return true;
  };
  const { error } = await locate();
  t.is(error?.code, 'download-failed');
  t.regex(error?.why ?? '', /away from HTTPS/);
  t.deepEqual(plain.requests, []);
  await requireNothingWrong(t, bench);
});

test('a URL without a hash is refused before anything is asked', async (t) => {
  const { bench, server } = await setUp(t);
  const { error } = await bench.locate(`${server.base}/manifest.json`, { env: server.trust });
  t.is(error?.code, 'flag-invalid');
  t.deepEqual(server.requests, []);
});

const faults: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'wrong bytes': (response) => response.end(withChangedByte(root)),
  'too large, as it says': (response) => {
    response.setHeader('content-length', root.length + 1);
    response.end(Buffer.concat([root, Buffer.from('x')]));
  },
  'too large, without saying so': (response) => {
    response.write(root);
    response.end('x');
  },
  'too short, as it says': (response) => response.end(root.subarray(0, 1000)),
  'cut every time': (response) => {
    response.setHeader('content-length', root.length);
    response.write(root.subarray(0, 1000), () => response.destroy());
  },
  'an error page': (response) => response.writeHead(503).end('busy'),
};

for (const [name, fault] of Object.entries(faults)) {
  test(`${name}: refused, nothing wrong gets a final name, and the next try works`, async (t) => {
    const { bench, server, locate } = await setUp(t);
    server.intercept = (file, response) => {
      if (file === 'root.erofs.br') {
        fault(response);
        return true;
      }
      return false;
    };
    const { error } = await locate();
    t.true(['download-failed', 'checksum-mismatch'].includes(error?.code ?? ''), error?.code);
    t.regex(error?.message ?? '', /root\.erofs\.br/);
    await requireNothingWrong(t, bench);
    server.intercept = undefined;
    server.requests.splice(0);
    const { image: found } = await locate();
    t.true(found !== undefined && (await isWhole(found, image)));
    t.deepEqual(server.requests, ['root.erofs.br'], 'what was there is not fetched again');
    t.deepEqual(await bench.cached(), [image.manifest.digest]);
  });
}

test('a connection that is cut once is taken up again by itself', async (t) => {
  const { bench, server, locate } = await setUp(t);
  let cuts = 1;
  server.intercept = (file, response) => {
    if (file !== 'root.erofs.br' || cuts === 0) {
      return false;
    }
    cuts -= 1;
    response.setHeader('content-length', root.length);
    response.write(root.subarray(0, 1000), () => response.destroy());
    return true;
  };
  const { image: found, events } = await locate();
  t.true(found !== undefined && (await isWhole(found, image)));
  t.is(events.filter(({ type }) => type === 'warn').length, 1);
  t.deepEqual(await bench.cached(), [image.manifest.digest]);
});

test('what lies damaged in the directory of a download is not trusted', async (t) => {
  const { bench, server, locate } = await setUp(t);
  server.files.delete('root.erofs.br');
  await locate();
  const [download = ''] = await bench.cached();
  const directory = path.join(bench.storePath, 'cache', 'images', download);
  await writeFile(path.join(directory, 'vmlinuz'), withChangedByte(image.sent.get('vmlinuz') ?? root));
  server.files.set('root.erofs.br', root);
  const { image: found } = await locate();
  t.true(found !== undefined && (await isWhole(found, image)));
});

test('two at once on an empty store: everything is fetched once', async (t) => {
  const { server, locate } = await setUp(t);
  const found = await Promise.all([locate(), locate(), locate()]);
  for (const one of found) {
    t.is(one.image?.digest, image.manifest.digest, one.error?.message);
  }
  t.deepEqual([...server.requests].sort(), ['initrd.br', 'manifest.json', 'root.erofs.br', 'vmlinuz']);
});
