/**
 * Finds an image in a process of its own, whose environment says which CA to trust, and prints what came out as
 * JSON lines. KILL_AT_EVENT is the number of the event at which it kills itself.
 */
import { isMachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';
import { locateImage } from '../../../src/image/locate.ts';

const [named = '', storePath = ''] = process.argv.slice(2);
const killAt = Number(process.env['KILL_AT_EVENT'] ?? 0);
let events = 0;

try {
  const image = await locateImage(createHost(), named === '' ? undefined : named, {
    storePath,
    signal: new AbortController().signal,
    emit: (event) => {
      events += 1;
      console.log(JSON.stringify({ event }));
      if (events === killAt) {
        process.kill(process.pid, 'SIGKILL');
      }
    },
  });
  console.log(JSON.stringify({ image }));
} catch (error) {
  if (!isMachineError(error)) {
    throw error;
  }
  const { code, message, why } = error;
  console.log(JSON.stringify({ error: { code, message, why } }));
}
