import test from 'node:test';
import { driverLaws, temporarySubject } from 'tsmachine/conformance';
import driver from '../driver.js';

const values = { 'example-greeting': 'hello' };

for (const law of driverLaws({ values, makeSubject: (flags) => temporarySubject(driver, flags) })) {
  test(law.title, async () => {
    await law.run();
  });
}
