import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** A root file system with Debian's nginx, as test/support/unpack-web-server.sh makes it; undefined where there is none. */
export function findWebServer(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const file = path.join(cache, 'tsmachine', 'web-server.tar');
  return existsSync(file) ? file : undefined;
}
