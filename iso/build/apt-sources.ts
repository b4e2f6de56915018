import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

/** The addresses of a Debian mirror, without a trailing slash. Either may be unknown. */
export interface MirrorAddresses {
  readonly main?: string;
  readonly security?: string;
}

interface AptSource {
  readonly uri: string;
  readonly suite: string;
}

/** Suites of Debian itself, so that the archives of other vendors in apt's configuration are passed over. */
const debianSuite =
  /^(?:stretch|buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)(?:[-/](?:updates|security|backports|proposed-updates))?$/;

/**
 * The Debian mirror that this computer's apt uses, from sources.list(5) in both of its forms. Whatever
 * release apt is set to, the same addresses serve all releases. Missing files mean no mirror.
 */
export async function readAptMirrors(aptDirectory = '/etc/apt'): Promise<MirrorAddresses> {
  const sources: AptSource[] = [];
  const folder = path.join(aptDirectory, 'sources.list.d');
  const names = await readdir(folder).catch(() => []);
  const files = [
    path.join(aptDirectory, 'sources.list'),
    ...names.sort().map((name) => path.join(folder, name)),
  ];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => '');
    sources.push(
      ...(file.endsWith('.sources') ? parseDeb822(text) : file.endsWith('.list') ? parseList(text) : []),
    );
  }
  return mirrorsOf(sources);
}

function mirrorsOf(sources: readonly AptSource[]): MirrorAddresses {
  const usable = sources.filter(({ uri, suite }) => /^https?:\/\//.test(uri) && debianSuite.test(suite));
  const isSecurity = ({ uri, suite }: AptSource): boolean =>
    /[-/]security$/.test(suite) || /-security\/?$/.test(uri);
  const main = usable.find((source) => !isSecurity(source));
  const security = usable.find(isSecurity);
  return {
    ...(main === undefined ? {} : { main: withoutSlash(main.uri) }),
    ...(security === undefined ? {} : { security: withoutSlash(security.uri) }),
  };
}

/** Drops slashes at the end, so that paths can be appended. */
export function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}

/** The one-line form: `deb [options] URI suite components…`. */
export function parseList(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      sources.push({ uri: match[1], suite: match[2] });
    }
  }
  return sources;
}

/** The deb822 form: paragraphs of `Field: value`, with continuation lines that begin with a blank. */
export function parseDeb822(text: string): readonly AptSource[] {
  const withoutComments = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');
  return withoutComments.split(/\n\s*\n/).flatMap((paragraph) => {
    const fields = new Map<string, string[]>();
    for (const field of paragraph.replaceAll(/\n[ \t]+/g, ' ').split('\n')) {
      const colon = field.indexOf(':');
      if (colon > 0) {
        fields.set(
          field.slice(0, colon).toLowerCase(),
          field
            .slice(colon + 1)
            .trim()
            .split(/\s+/),
        );
      }
    }
    const disabled = /^(?:no|false|off|0)$/i.test(fields.get('enabled')?.[0] ?? 'yes');
    if (disabled || !(fields.get('types') ?? []).includes('deb')) {
      return [];
    }
    return (fields.get('uris') ?? []).flatMap((uri) =>
      (fields.get('suites') ?? []).map((suite) => ({ uri, suite })),
    );
  });
}
