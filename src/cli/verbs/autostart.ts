import { MachineError } from '../../core/errors.ts';
import { readAutostart, setAutostart } from '../../machine/autostart.ts';
import type { Call } from '../call.ts';

/** `autostart [name]`: says, or with --on and --off decides, whether a machine is started when the user logs in. */
export default async function autostart(call: Call<'autostart'>): Promise<number> {
  const { session, args, options } = call;
  const name = args[0] ?? '';
  if (options.on === true && options.off === true) {
    throw new MachineError('arguments-invalid', '--on and --off exclude each other.');
  }
  const decided = options.on === true || options.off === true;
  const { isOn, path } = decided
    ? await setAutostart(session, name, options.on === true)
    : await readAutostart(session, name);
  call.print(
    options.json === true
      ? JSON.stringify({ name, autostart: isOn, path }, undefined, 2)
      : isOn
        ? `${name} is started when you log in: ${path}`
        : `${name} is not started when you log in.`,
  );
  return 0;
}
