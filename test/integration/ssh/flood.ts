import { createHost } from '../../../src/host/real.ts';
import { openSsh } from '../../../src/ssh/connection.ts';
import type { SshOptions } from '../../../src/ssh/types.ts';

/**
 * A process of its own, so that its memory can be measured: runs the command of its second argument over the
 * connection of its first and prints how much came and how large it grew.
 */
const [options = '', command = ''] = process.argv.slice(2);
const connection = await openSsh(createHost(), JSON.parse(options) as SshOptions);
let outBytes = 0;
let peakBytes = 0;
const end = await connection.exec(command, {
  onStdout: (chunk) => {
    outBytes += chunk.length;
    peakBytes = Math.max(peakBytes, process.memoryUsage().rss);
  },
});
await connection.close();
console.log(JSON.stringify({ ...end, outBytes, peakBytes }));
