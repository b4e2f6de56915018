import type { Family } from '../family.ts';

/** The image of this program, and boot2docker, whose name it has. */
export const boot2docker: Family = {
  name: 'boot2docker',
  title: () => 'boot2docker',
  withoutPackages:
    'The engine is a part of the image that this machine boots; a newer one comes with a newer image.',
};
