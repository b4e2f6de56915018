/** Downloads in a process of its own, whose environment says which CA to trust and which proxy to use. */
import { messageOf } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';

const [url = '', path = ''] = process.argv.slice(2);

try {
  await createHost().http.download(url, path, { sizeMaxBytes: 1_000_000 });
  console.log(JSON.stringify({ outcome: 'done' }));
} catch (error) {
  const { code, why } = error as { code?: unknown; why?: unknown };
  console.log(JSON.stringify({ outcome: code, why: why ?? messageOf(error) }));
}
