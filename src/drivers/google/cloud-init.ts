import type { GoogleConfig, GoogleState } from './config.ts';

/** Projects whose images have no cloud-init, or may have none: nobody there reads user data of its forms. */
const withoutCloudInit =
  /^(?:projects\/)?(?:debian|centos|rhel|rhel-sap|rocky-linux|rocky-linux-accelerator|almalinux|oracle-linux|suse|suse-sap|opensuse|fedora|fedora-coreos|freebsd-org)-cloud\//;

/** True for an image that may have no cloud-init, also when it was baked of one of those. */
export function lacksCloudInit(
  { image }: Pick<GoogleConfig, 'image'>,
  { imageLacksCloudInit }: Pick<GoogleState, 'imageLacksCloudInit'>,
): boolean {
  return imageLacksCloudInit || withoutCloudInit.test(image);
}
