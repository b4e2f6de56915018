import { bakeWithoutHost, openRealSession } from './bake-without-host.ts';

// A process that bakes an image, to be killed: storePath driver values(JSON) imageName.

const [storePath = '', driverName = '', values = '{}', imageName = ''] = process.argv.slice(2);
const session = openRealSession(storePath, { env: {} });
await bakeWithoutHost(session, {
  imageName,
  driverName,
  values: JSON.parse(values) as Record<string, string>,
});
await session.close();
process.stdout.write('baked\n');
