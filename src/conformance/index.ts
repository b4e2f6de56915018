/**
 * The laws that every driver keeps, for the tests of its author. They need no test runner of a certain kind:
 *
 * ```ts
 * import test from 'node:test';
 * import { driverLaws, temporarySubject } from 'tsmachine/conformance';
 * import driver from '../driver.js';
 *
 * const values = { 'example-greeting': 'hello' };
 * for (const law of driverLaws({ values, makeSubject: (flags) => temporarySubject(driver, flags) })) {
 *   test(law.title, async () => {
 *     await law.run();
 *   });
 * }
 * ```
 */
export { driverLaws, type DriverLaw, type LawOptions, type Subject } from './laws.ts';
export { temporarySubject, type SubjectOptions } from './temporary-subject.ts';
