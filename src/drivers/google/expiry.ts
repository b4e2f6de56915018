import { textField } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { instanceOf } from './api/answers.ts';
import { instancePath } from './find-instance.ts';
import { expiryLabel } from './labels.ts';
import { openWorld, type GoogleContext } from './world.ts';

/** The label that tells until when the instance is wanted. */
export async function changeExpiry(context: GoogleContext, expiresMs: number | undefined): Promise<void> {
  const { config, name } = context;
  const { google } = await openWorld(context);
  const path = instancePath(config, name);
  const value = await google.find(path);
  const instance = instanceOf(value);
  if (instance === undefined) {
    throw new MachineError('machine-state', `Google knows no instance of "${name}" that could be marked.`);
  }
  const others = Object.entries(instance.labels).filter(([key]) => key !== ownerTags.expires);
  await google.change({
    method: 'POST',
    path: `${path}/setLabels`,
    body: {
      // Google refuses the change when somebody else was quicker.
      labelFingerprint: textField(value, 'labelFingerprint'),
      labels: {
        ...Object.fromEntries(others),
        ...(expiresMs === undefined ? {} : { [ownerTags.expires]: expiryLabel(expiresMs) }),
      },
    },
  });
}
