import { examine } from '../../machine/doctor.ts';
import type { Call } from '../call.ts';
import { printable } from '../render/text.ts';

/** `doctor [name]`: findings about this computer or a machine; exit code 1 when one of them is an error. */
export default async function doctor(call: Call<'doctor'>): Promise<number> {
  const findings = await examine(call.session, call.args[0]);
  if (call.options.json === true) {
    call.print(JSON.stringify(findings, undefined, 2));
  } else {
    for (const { severity, code, message, remedy } of findings) {
      call.print(`${severity.padEnd(7)}  ${printable(message)} [${code}]`);
      if (remedy !== undefined && severity !== 'ok') {
        call.print(`         try: ${printable(remedy)}`);
      }
    }
  }
  return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
}
