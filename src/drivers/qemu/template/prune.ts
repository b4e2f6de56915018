import type { DriverCache, DriverContext, PrunedFiles } from '../../driver.ts';
import { pruneTemplates } from './cache.ts';
import { removeDeadRemains } from './make.ts';

/** Removes templates of images that are not kept, and what killed makers left; see the contract. */
export async function pruneTemplateCache(
  context: Pick<DriverContext<unknown>, 'host' | 'signal'> & {
    readonly cache: DriverCache;
    readonly keepImages: ReadonlySet<string>;
  },
): Promise<readonly PrunedFiles[]> {
  await removeDeadRemains(context, context.cache);
  return pruneTemplates(context.host, context.cache, context.keepImages);
}
