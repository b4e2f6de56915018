import type { Family } from '../family.ts';

/**
 * Arch Linux and what is made from it. The package lists are fetched only when the packages that they name are no longer
 * at the mirrors, because a new list asks for an upgrade of everything.
 */
export const arch: Family = {
  name: 'arch',
  title: () => 'arch',
  install: () => `
pacman -S --noconfirm --needed --noprogressbar docker ||
  pacman -Sy --noconfirm --needed --noprogressbar docker
`,
  upgrade: () => `pacman -Sy --noconfirm --needed --noprogressbar docker containerd runc\n`,
  installCurl: `pacman -S --noconfirm --needed --noprogressbar curl\n`,
};
