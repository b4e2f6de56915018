/**
 * Measures what the budgets name and prints a table; --json prints JSON. Parts: start-up, list, callers, boot,
 * terminator, agent (all by default), shares and clouds (only when named).
 *
 * Usage: node dist/bench/run.js [--json] [--runs N] [--qemu PROGRAM] [start-up] [list] [callers] [boot] [terminator] [agent] [shares] [clouds]
 */
import { parseArgs } from 'node:util';
import { measureAgent } from './agent.ts';
import { measureBoot } from './boot.ts';
import { measureCallers } from './callers.ts';
import { measureClouds } from './clouds.ts';
import { measureList } from './list.ts';
import type { Row } from './measure.ts';
import { measureShares } from './shares.ts';
import { measureStartUp } from './start-up.ts';
import { makeBenchStore } from './store.ts';
import { measureTerminator } from './terminator.ts';

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean' }, runs: { type: 'string' }, qemu: { type: 'string' } },
  allowPositionals: true,
});
const wanted = (part: string): boolean => positionals.length === 0 || positionals.includes(part);
const runs = values.runs === undefined ? undefined : Number(values.runs);

const rows: Row[] = [];
const store = await makeBenchStore();
try {
  if (wanted('start-up')) {
    rows.push(...(await measureStartUp(store, runs ?? 15)));
  }
  if (wanted('list')) {
    rows.push(...(await measureList(store, runs ?? 5)));
  }
} finally {
  await store.dispose();
}
if (wanted('callers')) {
  rows.push(...(await measureCallers(runs ?? 5)));
}
if (wanted('boot')) {
  rows.push(...(await measureBoot(runs ?? 5, values.qemu)));
}
if (wanted('terminator')) {
  rows.push(...(await measureTerminator(runs ?? 3)));
}
if (wanted('agent')) {
  rows.push(...(await measureAgent(runs ?? 10)));
}
if (positionals.includes('shares')) {
  rows.push(...(await measureShares()));
}
if (positionals.includes('clouds')) {
  rows.push(...(await measureClouds(runs ?? 5)));
}

if (values.json === true) {
  console.log(JSON.stringify(rows, undefined, 2));
} else {
  for (const { what, value, unit, budget, atLeast, detail } of rows) {
    const isHeld = budget === undefined ? value >= (atLeast ?? 0) : value <= budget;
    const bound = budget === undefined ? atLeast : budget;
    const held =
      bound === undefined
        ? ''
        : `  (${budget === undefined ? 'at least' : 'budget'} ${bound}: ${isHeld ? 'met' : 'MISSED'})`;
    console.log(`${value.toFixed(1).padStart(8)} ${unit.padEnd(4)} ${what}${held}`);
    if (detail !== undefined) {
      console.log(`${' '.repeat(14)}${detail}`);
    }
  }
}
