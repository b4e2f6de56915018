import { expiryText, ownerTags } from '../../cloud/ownership.ts';
import { textsField } from '../../cloud/json-fields.ts';
import { openWorld, type AzureContext } from './world.ts';

/** The mark that tells until when the virtual machine is wanted. */
export async function changeExpiry(context: AzureContext, expiresMs: number | undefined): Promise<void> {
  const { azure, paths } = await openWorld(context);
  const present = textsField(await azure.get(paths.virtualMachine), 'tags');
  const others = Object.entries(present).filter(([name]) => name.toLowerCase() !== ownerTags.expires);
  const tags = {
    ...Object.fromEntries(others),
    ...(expiresMs === undefined ? {} : { [ownerTags.expires]: expiryText(expiresMs) }),
  };
  await azure.change(paths.virtualMachine, { tags });
}
