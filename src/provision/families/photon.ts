import type { Family } from '../family.ts';

/** VMware Photon OS. */
export const photon: Family = {
  name: 'photon',
  title: () => 'photon',
  install: () => `tdnf -y -q install docker\n`,
  upgrade: () => `tdnf -y -q update docker containerd runc\n`,
  installCurl: `tdnf -y -q install curl\n`,
};
