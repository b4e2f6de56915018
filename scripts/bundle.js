// Makes dist/bundle/main.js: the short, read-only commands as one file. Node pays about a millisecond for every module
// that it finds, reads and links, and these commands are run in prompts and loops. Everything else stays a module of
// its own in dist/src and loads when it is needed.
import path from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

// Dynamic imports that become part of the file. None of them may import a package, or a module of Node's that
// is slow to load (node:tls, node:http, node:child_process): the bundler lifts such imports to the top.
const inlined = [
  /^src\/cli\/verbs\/(active|config|env|inspect|ip|ls|status|url)\.ts$/,
  /^src\/cli\/(connect|shells\/(posix|bash))\.ts$/,
  /^src\/host\/(real|processes)\.ts$/,
  /^src\/machine\/list\.ts$/,
  /^src\/drivers\/(none|qemu)\/(driver|manifest|qmp)\.ts$/,
];

// What a command with a handshake or a template needs besides, a file each. A class in one of them is not the same as
// in another: no value of a class of ours may pass between them except errors, which are told apart by a brand.
const companions = [
  'src/engine/client.ts',
  'src/host/network.ts',
  'src/cli/inspect-format.ts',
  'src/cli/list-format.ts',
];

/** @type {import('esbuild').Plugin} */
const split = {
  name: 'split',
  setup(bundler) {
    bundler.onResolve({ filter: /^\.{1,2}\// }, ({ kind, path: specifier, resolveDir }) => {
      const file = path.relative(root, path.join(resolveDir, specifier)).replaceAll('\\', '/');
      if (kind !== 'dynamic-import' || inlined.some((pattern) => pattern.test(file))) {
        return undefined;
      }
      const target = companions.includes(file) ? path.basename(file) : path.posix.join('..', file);
      return { path: `./${target.replace(/\.ts$/, '.js')}`, external: true };
    });
  },
};

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  plugins: [split],
  legalComments: 'none',
  logLevel: 'warning',
};
await build({ ...common, entryPoints: ['src/cli/main.ts'], outfile: 'dist/bundle/main.js' });
await build({
  ...common,
  entryPoints: companions,
  outdir: 'dist/bundle',
  outbase: 'none',
  entryNames: '[name]',
});
