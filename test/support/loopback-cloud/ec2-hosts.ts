import { createCloudHosts, type CloudHosts } from './cloud-hosts.ts';
import type { Ec2Proxy } from './ec2-proxy.ts';

/** Lets every instance be a real Debian with the key that was imported. It ends with the instance. */
export function bootInstances(proxy: Ec2Proxy): CloudHosts {
  const hosts = createCloudHosts();
  proxy.onLaunch = async (id, userData, keyName) => {
    const imported = proxy.requests.find(
      ({ action, parameters }) => action === 'ImportKeyPair' && parameters.get('KeyName') === keyName,
    );
    const material = imported?.parameters.get('PublicKeyMaterial') ?? '';
    return hosts.boot(id, { userKey: Buffer.from(material, 'base64').toString(), userData });
  };
  proxy.addressNow = (id) => hosts.running.get(id)?.address;
  proxy.onTerminate = async (id) => hosts.end(id);
  return hosts;
}
