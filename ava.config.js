import { availableParallelism } from 'node:os';
import process from 'node:process';

// One suite a run, named by SUITE: unit (the default), integration, conformance, e2e.
const suite = process.env.SUITE ?? 'unit';
const timeouts = { unit: '60s', integration: '180s', conformance: '180s', e2e: '900s' };

export default {
  files: [`dist/test/${suite}/**/*.test.js`],
  timeout: timeouts[suite],
  // Two files at once: an emulated machine keeps one processor busy, and its test waits for it. In a file the tests are
  // serial one by one: the option "serial" would allow one file at a time.
  ...(suite === 'e2e' ? { concurrency: Math.min(2, availableParallelism()) } : {}),
  environmentVariables: { NODE_NO_WARNINGS: '1' },
};
