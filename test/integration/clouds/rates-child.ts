/** A process that sends so many requests which a bucket lets through, and tells the time of each. */
import { shareRates } from '../../../src/cloud/shared-rates.ts';
import { createHost } from '../../../src/host/real.ts';

const [directory = '', account = '', count = '0', budget = '{}'] = process.argv.slice(2);
const host = createHost();
const bucket = shareRates({
  host,
  directory,
  provider: 'cloud',
  account: async () => [account],
  budget: JSON.parse(budget) as Parameters<typeof shareRates>[0]['budget'],
});
await Promise.all(
  Array.from({ length: Number(count) }, async () => {
    await bucket.take();
    process.stdout.write(`${host.clock.nowMs()}\n`);
  }),
);
