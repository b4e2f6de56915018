import { ec2Error, startEc2Proxy, type Ec2Proxy } from './ec2-proxy.ts';
import { motoMissing, startMoto, type Moto } from './moto.ts';
import {
  createPretendedHosts,
  pretendedMissing,
  pretendedSshPort,
  type PretendedHosts,
} from './pretended-hosts.ts';
import { createThrottle, type Throttle } from './throttle.ts';

// EC2 for very many machines: it turns away what is too much, and its instances are pretended.

export interface ThrottledEc2 {
  readonly moto: Moto;
  readonly proxy: Ec2Proxy;
  readonly hosts: PretendedHosts;
  readonly throttle: Throttle;
  /** Behind `create`. */
  readonly flags: readonly string[];
  close(): Promise<void>;
}

/** Why there is none; undefined when there is. */
export async function throttledEc2Missing(): Promise<string | undefined> {
  return motoMissing() ?? (await pretendedMissing());
}

/** So many requests at once, and then so many a second. */
export async function startThrottledEc2(limit: {
  readonly burst: number;
  readonly perSecond: number;
}): Promise<ThrottledEc2> {
  const [moto, hosts, throttle] = [await startMoto(), createPretendedHosts(), createThrottle(limit)];
  const proxy = await startEc2Proxy(moto.url);
  proxy.onLaunch = async (id, userData) => hosts.boot(id, userData);
  proxy.onTerminate = async (id) => hosts.end(id);
  proxy.onRequest = () => (throttle.takes() ? undefined : ec2Error(503, 'RequestLimitExceeded'));
  return {
    moto,
    proxy,
    hosts,
    throttle,
    flags: [
      ...['-d', 'amazonec2', '--amazonec2-endpoint', proxy.endpoint, '--amazonec2-insecure-transport'],
      ...['--amazonec2-open-to', '198.18.0.0/15', '--amazonec2-ssh-port', String(pretendedSshPort)],
    ],
    close: async () => {
      await hosts.stop();
      await proxy.close();
      await moto.stop();
    },
  };
}
