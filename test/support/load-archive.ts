import { createHash } from 'node:crypto';
import type { TreeEntry } from '../../iso/formats/entry.ts';
import { writeTar } from '../../iso/formats/tar-writer.ts';

/** An archive for `docker load`, and what the engine says of an image that arrived whole. */
export interface LoadArchive {
  readonly archive: Buffer;
  /** The image's id, lower-case hex. */
  readonly configDigest: string;
  /** The digest of its only layer. */
  readonly layerDigest: string;
}

/** Wraps one file as an image, as `docker save` writes it (manifest.json, Docker Image Specification 1.2). */
export function loadArchive(tag: string, content: Uint8Array): LoadArchive {
  const layer = tarOf([file('content', content)]);
  const layerDigest = sha256(layer);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [`sha256:${layerDigest}`] },
      history: [],
    }),
  );
  const configDigest = sha256(config);
  const manifest = [{ Config: `${configDigest}.json`, RepoTags: [tag], Layers: ['layer.tar'] }];
  const archive = tarOf([
    file(`${configDigest}.json`, config),
    file('layer.tar', layer),
    file('manifest.json', Buffer.from(JSON.stringify(manifest))),
  ]);
  return { archive, configDigest, layerDigest };
}

function file(path: string, data: Uint8Array): TreeEntry {
  return { kind: 'file', path, mode: 0o644, uid: 0, gid: 0, data };
}

function tarOf(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat([...writeTar(entries, 0)]);
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
