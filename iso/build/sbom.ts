import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ImageManifest } from '../../src/image/manifest.ts';
import { uuidText } from './image-id.ts';

/** The npm packages that take part in making the image. */
const buildTools = ['openpgp', 'xz-decompress', 'fzstd'] as const;

/**
 * The bill of materials in CycloneDX 1.6: one component for each Debian package, named by its package
 * URL, with the sum of its .deb and the source that it was built from.
 */
export async function cycloneDx(
  manifest: Omit<ImageManifest, 'files' | 'tree'>,
  uuid: Uint8Array,
): Promise<string> {
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidText(uuid)}`,
    version: 1,
    metadata: {
      timestamp: new Date(manifest.sourceDateEpoch * 1000).toISOString(),
      tools: { components: await toolComponents() },
      component: {
        type: 'operating-system',
        'bom-ref': 'image',
        name: `tsmachine-image-${manifest.architecture}`,
        version: manifest.version,
      },
    },
    components: manifest.packages.map((one) => ({
      type: 'library',
      'bom-ref': packageUrl(one),
      name: one.name,
      version: one.version,
      hashes: [{ alg: 'SHA-256', content: one.sha256 }],
      purl: packageUrl(one),
      properties: [
        { name: 'debian:source', value: one.source },
        { name: 'debian:sourceVersion', value: one.sourceVersion },
        { name: 'debian:archive', value: one.suite },
      ],
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function packageUrl(one: {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}): string {
  const encode = (text: string): string => encodeURIComponent(text).replaceAll('%3A', ':');
  return `pkg:deb/debian/${encode(one.name)}@${encode(one.version)}?arch=${one.architecture}&distro=debian-13`;
}

async function toolComponents(): Promise<
  readonly { type: string; name: string; version: string; purl: string }[]
> {
  const require = createRequire(import.meta.url);
  return Promise.all(
    buildTools.map(async (name) => {
      const folder = require
        .resolve(name)
        .replace(new RegExp(`(.*[\\\\/]node_modules[\\\\/]${name}[\\\\/]).*`), '$1');
      const { version } = JSON.parse(await readFile(`${folder}package.json`, 'utf8')) as { version: string };
      return { type: 'library', name, version, purl: `pkg:npm/${name}@${version}` };
    }),
  );
}
