import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { formatGoDuration } from '../go-duration.ts';

/** `ttl name [duration|off]`: says until when a machine is wanted, or changes it. */
export default async function ttl(call: Call<'ttl'>): Promise<number> {
  const [name, wish, ...more] = call.args;
  if (name === undefined || more.length > 0) {
    throw new MachineError('arguments-invalid', 'Name one machine, and how long it is wanted: ttl NAME 4h');
  }
  const { changeTtl, readTtl } = await import('../../machine/ttl.ts');
  const nowMs = call.session.host.clock.nowMs();
  if (wish !== undefined) {
    const { ttlOf } = await import('../create-request.ts');
    const ttlMs = wish === 'off' ? undefined : ttlOf(wish);
    const { warning } = await changeTtl(call.session, name, ttlMs === undefined ? undefined : nowMs + ttlMs);
    if (warning !== undefined) {
      call.inform(warning);
    }
  }
  const { expiresMs, unfinished } = await readTtl(call.session, name);
  const expires = expiresMs === undefined ? null : new Date(expiresMs).toISOString();
  call.print(
    call.options.json === true
      ? JSON.stringify({ name, expires, ...(unfinished === undefined ? {} : { unfinished }) })
      : sentence(name, { expiresMs, nowMs }),
  );
  if (unfinished !== undefined) {
    call.inform(`A change of it (${unfinished}) did not come to its end: say again what is wanted.`);
  }
  return 0;
}

function sentence(
  name: string,
  { expiresMs, nowMs }: { readonly expiresMs: number | undefined; readonly nowMs: number },
): string {
  if (expiresMs === undefined) {
    return `${name} has no end.`;
  }
  const leftMs = Math.round((expiresMs - nowMs) / 1000) * 1000;
  const left = formatGoDuration(BigInt(Math.abs(leftMs)) * 1_000_000n);
  return `${name} is wanted until ${new Date(expiresMs).toISOString()}: ${leftMs > 0 ? `${left} more` : `over since ${left}`}.`;
}
