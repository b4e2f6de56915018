import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ArchiveId, TrustedKeys } from '../../../iso/build/archive-keys.ts';
import type { Architecture } from '../../../iso/packages.ts';
import {
  clearSign,
  makeKey,
  releaseText,
  type MadeKey,
  type MadeRelease,
} from '../../unit/iso/make-release.ts';
import { makeXz } from '../../unit/iso/make-xz.ts';
import type { TinyPackage } from './tiny-packages.ts';

const archives = {
  main: { folder: '/debian', codename: 'trixie', suite: 'stable', label: 'Debian' },
  security: {
    folder: '/debian-security',
    codename: 'trixie-security',
    suite: 'stable-security',
    label: 'Debian-Security',
  },
} as const;

/** Test helper: a Debian mirror on a port of this computer, with keys of its own. */
export class TinyMirror {
  /** What is served, by path; a test may change or remove entries. */
  readonly files = new Map<string, Buffer>();
  /** Paths that were asked for, in order. */
  readonly requests: string[] = [];
  /** Answers a request in place of the mirror when it returns true. */
  intercept: ((path: string, socket: { destroy: () => void }) => boolean) | undefined;
  readonly #keys: Readonly<Record<ArchiveId, MadeKey>>;
  readonly #server: Server;

  private constructor(keys: Readonly<Record<ArchiveId, MadeKey>>) {
    this.#keys = keys;
    this.#server = createServer((request, response) => {
      const path = request.url ?? '';
      this.requests.push(path);
      if (this.intercept?.(path, response.socket ?? request.socket) === true) {
        return;
      }
      const body = this.files.get(path);
      response.writeHead(body === undefined ? 404 : 200);
      response.end(body);
    });
  }

  static async start(): Promise<TinyMirror> {
    const mirror = new TinyMirror({ main: await makeKey('Main'), security: await makeKey('Security') });
    await new Promise<void>((resolve) => {
      mirror.#server.listen(0, '127.0.0.1', resolve);
    });
    return mirror;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The options of a build or lock that lead here. */
  get options(): { readonly mirror: string; readonly securityMirror: string; readonly keys: TrustedKeys } {
    const { port } = this.#server.address() as AddressInfo;
    const base = `http://127.0.0.1:${port}`;
    return {
      mirror: `${base}${archives.main.folder}`,
      securityMirror: `${base}${archives.security.folder}`,
      keys: { main: [this.#keys.main.publicKey], security: [this.#keys.security.publicKey] },
    };
  }

  /** Puts packages into the pool of an archive and signs its new state, which lists exactly these. */
  async publish(
    archive: ArchiveId,
    architecture: Architecture,
    packages: readonly TinyPackage[],
    release: MadeRelease = {},
  ): Promise<void> {
    const { folder, ...names } = archives[archive];
    const paragraphs = packages.map((one) => {
      const filename = poolPath(one, architecture);
      this.files.set(`${folder}/${filename}`, one.deb);
      return paragraph(one, filename, architecture);
    });
    const index = makeXz(Buffer.from(paragraphs.join('\n')));
    const path = `main/binary-${architecture}/Packages.xz`;
    const suite = `${folder}/dists/${names.codename}`;
    this.files.set(`${suite}/main/binary-${architecture}/by-hash/SHA256/${sha256(index)}`, index);
    this.files.set(`${suite}/${path}`, index);
    const text = releaseText({ ...names, files: { [path]: index }, ...release });
    this.files.set(`${suite}/InRelease`, Buffer.from(await clearSign(text, this.#keys[archive])));
  }
}

/** The path of a package below its archive. */
export function poolPath(one: TinyPackage, architecture: Architecture): string {
  return `pool/main/${one.name}/${one.name}_${one.version}_${architecture}.deb`;
}

function paragraph(one: TinyPackage, filename: string, architecture: Architecture): string {
  return [
    `Package: ${one.name}`,
    `Source: src-${one.name} (${one.version})`,
    `Version: ${one.version}`,
    `Architecture: ${architecture}`,
    ...(one.depends === undefined ? [] : [`Depends: ${one.depends}`]),
    `Filename: ${filename}`,
    `Size: ${one.deb.length}`,
    `SHA256: ${sha256(one.deb)}`,
    '',
  ].join('\n');
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
