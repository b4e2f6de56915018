import { createHash } from 'node:crypto';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { tarArchive } from '../../src/drivers/tar.ts';

/** A registry of images over TLS on a port of 127.0.0.1, with one image, `tiny:latest`, of one file. */
export interface TinyRegistry {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts one.
 * @param wantsClient answers only clients that show a certificate, whichever
 */
export async function startTinyRegistry(
  identity: { readonly cert: string; readonly key: string },
  wantsClient = false,
): Promise<TinyRegistry> {
  const contents = imageContents();
  const server = createServer(
    { cert: identity.cert, key: identity.key, requestCert: wantsClient, rejectUnauthorized: false },
    (request, response) => {
      const { socket } = request;
      const hasClient = socket instanceof TLSSocket && Object.keys(socket.getPeerCertificate()).length > 0;
      const found = contents.get((request.url ?? '').split('?', 1)[0] ?? '');
      if (wantsClient && !hasClient) {
        response.writeHead(403).end('{"errors":[{"code":"DENIED","message":"no client certificate"}]}');
      } else if (found === undefined) {
        response.writeHead(404).end('{"errors":[{"code":"NAME_UNKNOWN","message":"not here"}]}');
      } else {
        response.writeHead(200, {
          'Content-Type': found.type,
          'Content-Length': found.bytes.length,
          'Docker-Content-Digest': digestOf(found.bytes),
          'Docker-Distribution-Api-Version': 'registry/2.0',
        });
        response.end(request.method === 'HEAD' ? undefined : found.bytes);
      }
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Content {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What the registry has, by path. Source: the distribution specification of the Open Container Initiative. */
function imageContents(): ReadonlyMap<string, Content> {
  const layer = tarArchive([{ name: 'hello', mode: 0o644, content: Buffer.from('hello\n') }]);
  const packed = gzipSync(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Cmd: ['/hello'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
    }),
  );
  const prefix = 'application/vnd.docker';
  const types = {
    manifest: `${prefix}.distribution.manifest.v2+json`,
    config: `${prefix}.container.image.v1+json`,
    layer: `${prefix}.image.rootfs.diff.tar.gzip`,
  };
  const entry = (mediaType: string, bytes: Uint8Array): Readonly<Record<string, unknown>> => ({
    mediaType,
    size: bytes.length,
    digest: digestOf(bytes),
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: entry(types.config, config),
      layers: [entry(types.layer, packed)],
    }),
  );
  return new Map<string, Content>([
    ['/v2/', { type: 'application/json', bytes: Buffer.from('{}') }],
    ['/v2/tiny/manifests/latest', { type: types.manifest, bytes: manifest }],
    [`/v2/tiny/manifests/${digestOf(manifest)}`, { type: types.manifest, bytes: manifest }],
    [`/v2/tiny/blobs/${digestOf(config)}`, { type: types.config, bytes: config }],
    [`/v2/tiny/blobs/${digestOf(packed)}`, { type: types.layer, bytes: packed }],
  ]);
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
