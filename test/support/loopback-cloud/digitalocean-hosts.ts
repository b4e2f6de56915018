import { createCloudHosts, type CloudHosts } from './cloud-hosts.ts';
import { userKeyOf, type DigitalOceanCloud } from './digitalocean-cloud.ts';

/** Lets every droplet be a real Debian with the key of the account that it was given. It ends with the droplet. */
export function bootDroplets(cloud: DigitalOceanCloud): CloudHosts {
  const hosts = createCloudHosts();
  cloud.onLaunch = async (droplet) =>
    hosts.boot(String(droplet.id), {
      userKey: userKeyOf(cloud.account, droplet),
      userData: String(droplet.body['user_data']),
    });
  cloud.onDelete = async ({ id }) => hosts.end(String(id));
  return hosts;
}
