/** Does file work in a process of its own: one that can change its umask, and one that can be killed. */
import path from 'node:path';
import { createHost } from '../../../src/host/real.ts';

const [job = '', target = '', umask = '022'] = process.argv.slice(2);
const { files } = createHost();

if (job === 'modes') {
  process.umask(parseInt(umask, 8));
  await files.writeAtomic(path.join(target, 'atomic'), 'x', 0o600);
  await files.writeAtomic(path.join(target, 'loose'), 'x', 0o600);
  await files.writeAtomic(path.join(target, 'public'), 'x', 0o644);
  await files.writeNew(path.join(target, 'new'), 'x', 0o640);
  await files.appendDurable(path.join(target, 'log'), 'x');
  await files.copy(path.join(target, 'public'), path.join(target, 'copy'), 0o400);
  await files.makeDirectory(path.join(target, 'a', 'b'), 0o700);
} else if (job === 'writer') {
  for (let count = 0; ; count += 1) {
    await files.writeAtomic(
      target,
      JSON.stringify({ count, pid: process.pid, fill: 'x'.repeat(5000), end: true }),
      0o600,
    );
    if (count === 0) {
      process.send?.('begun');
    }
  }
}
