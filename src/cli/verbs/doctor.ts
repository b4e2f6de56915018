import { examine, type Diagnosis } from '../../machine/doctor/examine.ts';
import type { Call } from '../call.ts';
import { inTheNameOf } from '../in-the-name-of.ts';
import { printable } from '../render/text.ts';

/** `doctor [name]`: findings about this computer or a machine; exit code 1 when one of them is an error. */
export default async function doctor(call: Call<'doctor'>): Promise<number> {
  const { session, args, options } = call;
  const found = await examine(session, args[0]);
  if (options.json === true) {
    call.print(JSON.stringify(found, undefined, 2));
  } else {
    const ofThisName = found.map((each) => ({
      ...each,
      remedies: each.remedies.map((remedy) => inTheNameOf(call.io, remedy)),
    }));
    call.print([...toLines(ofThisName), '', summary(found)].join('\n'));
  }
  return countOf(found, 'error') > 0 ? 1 : 0;
}

/** Under a heading for each subject: what, and for what is not as it should be why and what to try. */
function toLines(found: readonly Diagnosis[]): string[] {
  const subjects = [...new Set(found.map(({ subject }) => subject))];
  return subjects.flatMap((subject) => [
    printable(subject),
    ...found.filter((each) => each.subject === subject).flatMap(findingLines),
  ]);
}

function findingLines({ severity, code, message, why, remedies }: Diagnosis): string[] {
  const more =
    severity === 'ok'
      ? []
      : [...(why === undefined ? [] : [`why: ${why}`]), ...remedies.map((remedy) => `try: ${remedy}`)];
  return [
    `  ${severity.padEnd(7)}  ${printable(message)} [${code}]`,
    ...more.map((line) => `           ${printable(line)}`),
  ];
}

function summary(found: readonly Diagnosis[]): string {
  const [errors, warnings] = [countOf(found, 'error'), countOf(found, 'warning')];
  return errors + warnings === 0
    ? 'Nothing is wrong.'
    : `${plural(errors, 'error')}, ${plural(warnings, 'warning')}.`;
}

function countOf(found: readonly Diagnosis[], wanted: Diagnosis['severity']): number {
  return found.filter(({ severity }) => severity === wanted).length;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
