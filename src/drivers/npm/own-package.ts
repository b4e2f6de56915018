import { pathToFileURL } from 'node:url';
import type { Host } from '../../host/types.ts';
import { driversDirectory, pathsOf } from './directory.ts';

/** What a driver may import of tsmachine, and the built file behind it. */
const exported = [
  ['.', 'index.js', 'dist/src/index.js'],
  ['./driver', 'driver.js', 'dist/src/drivers/author.js'],
] as const;

/**
 * Makes `import 'tsmachine/driver'` in an installed driver mean this very program, whichever of several loads it: a small
 * package beside the drivers, above each of their own node_modules, that points here. It is written anew when another
 * copy of the program wrote it last.
 */
export async function provideOwnPackage({ files, facts }: Pick<Host, 'files' | 'facts'>): Promise<void> {
  const paths = pathsOf(facts);
  const directory = paths.join(driversDirectory(facts), 'node_modules', 'tsmachine');
  const packageFile = paths.join(directory, 'package.json');
  const root = pathToFileURL(facts.packageRoot).href;
  const wanted = {
    name: 'tsmachine',
    description: `Stands for ${facts.packageRoot}`,
    type: 'module',
    exports: Object.fromEntries(exported.map(([name, file]) => [name, `./${file}`])),
  };
  const text = `${JSON.stringify(wanted, undefined, 2)}\n`;
  const present = await files.readText(packageFile).catch(() => undefined);
  if (present === text) {
    return;
  }
  try {
    await files.makeDirectory(directory, 0o700);
    for (const [, file, target] of exported) {
      const line = `export * from ${JSON.stringify(`${root}/${target}`)};\n`;
      await files.writeAtomic(paths.join(directory, file), line, 0o600);
    }
    await files.writeAtomic(packageFile, text, 0o600);
  } catch (error) {
    // Where others install the drivers, theirs is good enough.
    if (present === undefined) {
      throw error;
    }
  }
}
