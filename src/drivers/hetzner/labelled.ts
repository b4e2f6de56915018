import type { Hetzner } from './api/hetzner.ts';
import { selector, type Labels } from './labels.ts';

/** What is asked for. */
interface Wanted<T> {
  readonly key: string;
  readonly value: string;
  readonly read: (item: unknown) => T | undefined;
}

/** Things with a label: `/servers`. Whatever the service makes of the filter, nothing of somebody else is returned. */
export async function listLabelled<T extends { readonly labels: Labels }>(
  hetzner: Hetzner,
  path: string,
  { key, value, read }: Wanted<T>,
): Promise<readonly T[]> {
  const listed = await hetzner.list(path, { label_selector: selector(key, value) }, read);
  return listed.filter(({ labels }) => labels[key] === value);
}
