import test from 'ava';
import { driverLaws, type LawOptions } from '../../src/conformance/laws.ts';

/** How a driver is put under the laws in our own tests. */
interface NamedLawOptions extends LawOptions {
  /** Names the run: `qemu on a host in memory`. */
  readonly title: string;
  /** What has to be there for `makeSubject` to make something. */
  readonly missing?: string;
}

/** Declares one test for every law of the contract in src/drivers/driver.ts. A new driver adds one call of this. */
export function declareDriverLaws(options: NamedLawOptions): void {
  for (const law of driverLaws(options)) {
    test(`${options.title}: ${law.title}`, async (t) => {
      if ((await law.run()) === 'skipped') {
        t.log(`skipped: needs ${options.missing ?? 'something that is not there'}`);
      }
      t.pass();
    });
  }
}
