import type { FlagValues } from '../driver.ts';
import { readState, type Ec2Config } from './config.ts';

/** Where a machine is, as flags. See DriverImplementation.place. */
export function placeOf(config: Ec2Config, state: Readonly<Record<string, unknown>>): FlagValues {
  const { profile } = readState(state);
  return {
    'amazonec2-region': config.region,
    ...(config.endpoint === '' ? {} : { 'amazonec2-endpoint': config.endpoint }),
    ...(config.isPlainHttp ? { 'amazonec2-insecure-transport': true } : {}),
    ...(profile === '' ? {} : { 'amazonec2-profile': profile }),
  };
}
