import type { DriverContext } from './driver.ts';

/** How long a guest is given. */
export interface StopLimits {
  /** Until it has powered off after it was asked. */
  readonly powerdownTimeoutMs: number;
  /** It is asked again after this time: it may not have listened yet. */
  readonly repeatMs: number;
}

/** How long guests of every driver are given unless something speaks against it. */
export const stopLimits: StopLimits = { powerdownTimeoutMs: 60_000, repeatMs: 10_000 };

/**
 * Has a guest power off; one that does not in time is switched off, and the user is told.
 * @param ask asks the guest and waits; resolves to false when it is still on after `powerdownTimeoutMs`
 */
export async function powerOffInTime(
  { emit, name }: Pick<DriverContext<unknown>, 'emit' | 'name'>,
  { powerdownTimeoutMs }: Pick<StopLimits, 'powerdownTimeoutMs'>,
  { ask, switchOff }: { readonly ask: () => Promise<boolean>; readonly switchOff: () => Promise<void> },
): Promise<void> {
  if (await ask()) {
    return;
  }
  const seconds = Math.round(powerdownTimeoutMs / 1000);
  const message = `The machine did not power off within ${seconds} s, so it is switched off.`;
  emit({ type: 'warn', machine: name, message });
  await switchOff();
}
