import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

// dist/test/unit/ssh/ is four levels below the project.
const sourceDirectory = fileURLToPath(new URL('../../../../src', import.meta.url));

/** Source files that load a package: type imports do not count. */
function importersOf(name: string): string[] {
  const load = new RegExp(`^import (?!type )[^;]*from '${name}['/]|import\\('${name}['/]`, 'm');
  return readdirSync(sourceDirectory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && load.test(readFileSync(join(sourceDirectory, path), 'utf8')))
    .map((path) => path.replaceAll('\\', '/'));
}

test('ssh2, whose defaults accept every host key, is loaded in one place', (t) => {
  t.deepEqual(importersOf('ssh2'), ['ssh/load-ssh2.ts']);
  t.deepEqual(importersOf('./load-ssh2.ts'), ['ssh/connection.ts']);
  const source = readFileSync(join(sourceDirectory, 'ssh/connection.ts'), 'utf8');
  t.is(source.match(/\.connect\(config\)/g)?.length, 1);
  t.regex(source, /hostVerifier: \(blob: Buffer\): boolean => check\.verify\(blob\)/);
});

test('node-forge is loaded in one place', (t) => {
  t.deepEqual(importersOf('node-forge'), ['tls/der.ts']);
});
