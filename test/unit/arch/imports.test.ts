import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

// Imports point one way, and each door to the outside has one keeper. Read from the sources as text.

const root = path.join(import.meta.dirname, '..', '..', '..', '..');

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** `import()`: loaded when it runs, so it makes no cycle. */
  readonly isDynamic: boolean;
}

/** Rooms that a room may look into; itself and `core` are always allowed. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  host: [],
  store: ['host'],
  tls: ['host'],
  ssh: ['host'],
  engine: ['host', 'tls'],
  cloud: ['host'],
  // Of `iso` only the formats of disks, see below.
  drivers: ['host', 'cloud', 'iso'],
  template: [],
  provision: ['host', 'ssh'],
  conformance: ['host', 'drivers'],
  image: ['host', 'store', 'drivers'],
  machine: ['host', 'store', 'tls', 'ssh', 'engine', 'cloud', 'drivers', 'image', 'provision'],
  agent: ['host', 'store', 'ssh', 'engine', 'drivers', 'machine'],
  cli: ['host', 'store', 'drivers', 'machine', 'agent', 'template', 'image', 'iso'],
};

/** Packages and modules that only these files may import. */
const keepers: readonly { readonly module: RegExp; readonly files: RegExp }[] = [
  { module: /^yargs/, files: /^src\/cli\// },
  { module: /^log-update$/, files: /^src\/cli\/render\// },
  { module: /^ssh2$/, files: /^src\/ssh\// },
  { module: /^node-forge$/, files: /^src\/tls\// },
  { module: /^execa$/, files: /^src\/host\// },
  { module: /^got$/, files: /^src\/host\// },
  { module: /^fzstd$/, files: /^(src\/image|iso)\// },
  { module: /^(openpgp|xz-decompress)$/, files: /^iso\// },
  { module: /^node:(fs|fs\/promises|child_process|dgram|http2)$/, files: /^(src\/host|iso|scripts)\// },
];

function sources(directory: string): string[] {
  return readdirSync(path.join(root, directory), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), 'utf8');
  const statements = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|import\('([^']+)'\)/gm,
  );
  return [...statements].map((match) => {
    const specifier = match[2] ?? match[3] ?? match[4] ?? '';
    const to = specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
    return { from: file, to, isTypeOnly: match[1] !== undefined, isDynamic: match[4] !== undefined };
  });
}

const all = [...sources('src'), ...sources('iso')].flatMap(importsOf);

function roomOf(file: string): string | undefined {
  if (file.startsWith('iso/')) {
    return 'iso';
  }
  return /^src\/([^/]+)\//.exec(file)?.[1];
}

test('the sources are found', (t) => {
  t.true(all.length > 300);
  t.true(all.some(({ to }) => to === 'ssh2'));
});

test('imports between rooms point one way', (t) => {
  for (const { from, to, isTypeOnly } of all) {
    const [room, target] = [roomOf(from), roomOf(to)];
    if (
      room === undefined ||
      room === 'iso' ||
      target === undefined ||
      target === room ||
      target === 'core'
    ) {
      continue;
    }
    const allowed = mayImport[room]?.includes(target) === true;
    t.true(allowed || (isTypeOnly && target !== 'cli' && target !== 'machine'), `${from} imports ${to}`);
  }
});

test('the builder of the image imports words and the manifest, nothing else of src', (t) => {
  for (const { from, to } of all.filter((one) => one.from.startsWith('iso/') && one.to.startsWith('src/'))) {
    t.regex(to, /^src\/(core|image|host)\//, `${from} imports ${to}`);
  }
});

test('of the builder of the image, drivers know the format of their config disk alone', (t) => {
  const imports = all.filter(({ from, to }) => from.startsWith('src/drivers/') && to.startsWith('iso/'));
  t.true(imports.length > 0);
  for (const { from, to } of imports) {
    t.is(from, 'src/drivers/config-disk.ts');
    t.regex(to, /^iso\/formats\//);
  }
});

test('a driver imports the contract, core, what clouds share, types of host and its own folder', (t) => {
  for (const { from, to, isTypeOnly } of all) {
    const own = /^src\/drivers\/([^/]+)\//.exec(from)?.[1];
    if (own === undefined || !to.startsWith('src/')) {
      continue;
    }
    const allowed =
      to.startsWith(`src/drivers/${own}/`) ||
      /^src\/drivers\/[^/]+\.ts$/.test(to) ||
      to.startsWith('src/core/') ||
      to.startsWith('src/cloud/') ||
      (isTypeOnly && to === 'src/host/types.ts');
    t.true(allowed, `${from} imports ${to}`);
  }
});

test('packages and system modules are imported only where they are kept', (t) => {
  for (const { from, to, isTypeOnly } of all) {
    for (const { module, files } of keepers) {
      t.true(isTypeOnly || !module.test(to) || files.test(from), `${from} imports ${to}`);
    }
  }
});

test('the background agent waits with few modules, and without a package', (t) => {
  const loaded = new Set<string>();
  const load = (file: string): void => {
    if (loaded.has(file)) {
      return;
    }
    loaded.add(file);
    for (const { from, to, isTypeOnly, isDynamic } of all) {
      if (from === file && !isTypeOnly && !isDynamic && !to.startsWith('node:')) {
        t.true(to.startsWith('src/'), `${from} imports ${to}`);
        load(to);
      }
    }
  };
  load('src/agent/run.ts');
  t.true(loaded.size > 10);
  t.true(loaded.size <= 60, [...loaded].join(' '));
});

test('only the host and the entry of the command line look at the process', (t) => {
  const forbidden =
    /\bprocess\.(env|platform|exit|argv|cwd|stdout|stderr|stdin)\b|\bDate\.now\(|\bMath\.random\(|\bsetTimeout\(|\bconsole\.(log|error|warn|info|debug)\(/;
  for (const file of sources('src')) {
    if (!file.startsWith('src/host/') && file !== 'src/cli/main.ts') {
      const line = readFileSync(path.join(root, file), 'utf8')
        .split('\n')
        .find((one) => forbidden.test(one) && !/^\s*(\*|\/\/|\/\*)/.test(one));
      t.is(line, undefined, `${file}: ${line ?? ''}`);
    }
  }
});

test('no module imports itself by a detour', (t) => {
  const edges = new Map<string, string[]>();
  for (const { from, to, isTypeOnly, isDynamic } of all) {
    if (!isTypeOnly && !isDynamic && to.endsWith('.ts')) {
      edges.set(from, [...(edges.get(from) ?? []), to]);
    }
  }
  const state = new Map<string, 'open' | 'done'>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (state.get(file) === 'open') {
      t.fail(`cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' -> ')}`);
      return;
    }
    if (state.get(file) === undefined) {
      state.set(file, 'open');
      for (const next of edges.get(file) ?? []) {
        visit(next, [...trail, file]);
      }
      state.set(file, 'done');
    }
  };
  for (const file of edges.keys()) {
    visit(file, []);
  }
  t.pass();
});
