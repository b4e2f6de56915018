import { MachineError } from '../../core/errors.ts';
import type { DriverContext } from '../driver.ts';
import type { Dialect } from './commands.ts';
import { parseVersion, type Version } from './output.ts';
import type { VBoxManage } from './vboxmanage.ts';

/** Version of the VirtualBox that answers. @throws MachineError `vm-control-failed` when it does not tell. */
export async function versionOf(vbox: VBoxManage): Promise<Version> {
  const { stdout } = await vbox.run(['--version']);
  const version = parseVersion(stdout);
  if (version === undefined) {
    throw new MachineError('vm-control-failed', `${vbox.program} does not tell its version.`, {
      why: stdout.trim().slice(0, 300),
    });
  }
  return version;
}

/** How to talk to this VirtualBox about machines of this computer. */
export async function dialectOf(
  { host, boot }: Pick<DriverContext<unknown>, 'host' | 'boot'>,
  vbox: VBoxManage,
): Promise<Dialect> {
  const architecture = boot?.image.architecture ?? (host.facts.arch === 'arm64' ? 'arm64' : 'amd64');
  return { version: await versionOf(vbox), architecture: architecture === 'arm64' ? 'arm' : 'x86' };
}
