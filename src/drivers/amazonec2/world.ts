import type { CheckContext, DriverContext, ProviderMaterial } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { readState, type Ec2Config, type Ec2State } from './config.ts';
import { openEc2, type Ec2, type Ec2Access } from './api/ec2.ts';

export type Ec2Context = DriverContext<Ec2Config>;

/** EC2 with what this store knows of a machine of it. */
export interface Ec2World {
  readonly ec2: Ec2;
  readonly provider: ProviderMaterial;
  readonly state: Ec2State;
}

/** Opens EC2 for a machine. */
export async function openWorld(context: Ec2Context): Promise<Ec2World> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  return { provider, state, ec2: openEc2(await accessOf(context)) };
}

/** Who asks for a machine, and as whom. */
export async function accessOf(context: Ec2Context): Promise<Ec2Access> {
  const provider = requireProvider(context);
  const { profile } = readState(await provider.state());
  const { host, signal, emit, config, ratesDirectory } = context;
  return { host, signal, emit, config, ratesDirectory, profile, secrets: await provider.secrets() };
}

/** Who asks before there is a machine. */
export function accessOfCheck(context: CheckContext<Ec2Config>): Ec2Access {
  const { host, signal, emit, config, ratesDirectory, secrets = {}, state = {} } = context;
  return { host, signal, emit, config, ratesDirectory, secrets, profile: readState(state).profile };
}
