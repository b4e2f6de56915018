// Makes dist/bundle: the short commands as few files. Node pays about a millisecond for every module that it finds, reads
// and links, and these commands are run in prompts, in loops and by the hundred. main.js holds the read-only ones; create
// and rm are a file each. Everything else stays a module of its own in dist/src and loads when it is needed.
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Drivers whose machines are asked without a module that is slow to load. */
const localDrivers = [/^src\/drivers\/(none|qemu)\/(driver|manifest|qmp)\.ts$/];

// Dynamic imports that become part of a file. None of those in main.js may import a package, or a module of Node's that
// is slow to load (node:tls, node:http, node:crypto, node:child_process): the bundler lifts such imports to the top.
const shortCommands = [
  /^src\/cli\/verbs\/(active|config|env|inspect|ip|ls|status|url)\.ts$/,
  /^src\/cli\/(connect|shells\/(posix|bash))\.ts$/,
  /^src\/cli\/render\/(renderer|plain|table)\.ts$/,
  /^src\/host\/(real|processes)\.ts$/,
  /^src\/machine\/list\.ts$/,
  /^src\/agent\/control\.ts$/,
  ...localDrivers,
];

/** What is loaded besides main.js, a file each, with the dynamic imports that become part of it. */
const companions = {
  // What a command with a handshake needs.
  'src/engine/client.ts': [],
  'src/host/network.ts': [],
  'src/machine/certificate-ends.ts': [],
  // What a template needs. A class in one of these files is not the same as in another: no value of a class of ours may
  // pass between them, except those that have a brand.
  'src/cli/inspect-format.ts': [],
  'src/cli/list-format.ts': [],
  'src/cli/verbs/create.ts': [
    /^src\/machine\/create\.ts$/,
    /^src\/drivers\/none\/(driver|manifest)\.ts$/,
    /^src\/tls\/authority\.ts$/,
  ],
  // A process for each machine that runs.
  'src/cli/verbs/agent.ts': [
    /^src\/agent\/run\.ts$/,
    /^src\/drivers\/qemu\/(forwards|qmp)\.ts$/,
    ...localDrivers,
  ],
  // What runs another program needs node:child_process.
  'src/host/attached.ts': [],
  'src/cli/verbs/ssh.ts': [/^src\/machine\/ssh-program\.ts$/, ...localDrivers],
  'src/cli/verbs/completion.ts': localDrivers,
  'src/cli/verbs/rm.ts': [/^src\/drivers\/none\/driver\.ts$/, /^src\/engine\/contexts\.ts$/],
};

/**
 * Leaves dynamic imports outside the file, except the inlined ones.
 * @param {readonly RegExp[]} inlined
 * @returns {import('esbuild').Plugin}
 */
const split = (inlined) => ({
  name: 'split',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path: specifier, resolveDir }) => {
      const file = path.relative(root, path.join(resolveDir, specifier)).replaceAll('\\', '/');
      if (kind !== 'dynamic-import' || inlined.some((pattern) => pattern.test(file))) {
        return undefined;
      }
      const target = file in companions ? path.basename(file) : path.posix.join('..', file);
      return { path: `./${target.replace(/\.ts$/, '.js')}`, external: true };
    });
  },
});

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  legalComments: 'none',
  logLevel: 'warning',
};
const pack = (source, inlined) =>
  build({
    ...common,
    entryPoints: [source],
    outfile: `dist/bundle/${path.basename(source, '.ts')}.js`,
    plugins: [split(inlined)],
  });
await Promise.all([
  pack('src/cli/main.ts', shortCommands),
  ...Object.entries(companions).map(([source, inlined]) => pack(source, inlined)),
]);
