#!/usr/bin/env node
import { existsSync } from 'node:fs';
import module from 'node:module';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/bundle/main.js', import.meta.url);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`error: tsmachine needs Node.js 20.19 or newer, and this is ${process.version}.`);
  console.error('try: Install a current Node.js, e.g. from https://nodejs.org, then run the command again.');
  process.exitCode = 1;
} else if (!existsSync(entry)) {
  console.error('error: tsmachine is not built: dist/bundle/main.js is missing.');
  console.error('try: Run "npm run build" in the directory of package.json.');
  process.exitCode = 1;
} else {
  module.enableCompileCache?.();
  const { main } = await import(entry.href);
  process.exitCode = await main();
}
