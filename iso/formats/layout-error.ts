import { MachineError } from '../../src/core/errors.ts';

/** The error for something that an image format cannot express: a name, a size, a missing part. */
export function layoutError(why: string, facts: Readonly<Record<string, unknown>> = {}): MachineError {
  return new MachineError('image-build-failed', 'The disk image cannot be laid out', {
    why,
    facts,
    remedies: ['Change the list of files that goes into the image.'],
  });
}
