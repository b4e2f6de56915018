import type { Family } from '../family.ts';

/** Systems that come as one image with the engine in it and update themselves: Flatcar, Fedora CoreOS. */
export const flatcar: Family = {
  name: 'flatcar',
  title: ({ id }) => (id === 'flatcar' ? 'flatcar' : `${id} (image)`),
  withoutPackages: 'The engine is a part of this system, which is updated as a whole by its own updater.',
};
