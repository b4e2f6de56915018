import { writeConfigDisk } from '../config-disk.ts';
import type { DriverContext } from '../driver.ts';
import type { HyperVConfig } from './config.ts';
import { machineFiles } from './machine.ts';
import { hostFactsOf, type MachineFacts } from './output.ts';
import type { PowerShell } from './powershell.ts';
import { configureScript } from './scripts/create.ts';
import { hostScript } from './scripts/host.ts';
import { chooseSwitch } from './switches.ts';

type HardwareContext = DriverContext<HyperVConfig>;

const mebibyte = 1024 * 1024;
/** A machine of which the memory may shrink keeps this much, or what it was given if that is less. */
const memoryMinBytes = 512 * mebibyte;
/** Hyper-V knows memory in units of this. */
const memoryUnitMiB = 2;
/** Id of the switch of a card that is plugged in nowhere. */
const noSwitch = '00000000-0000-0000-0000-000000000000';

/** The pipe to which the serial line of a machine leads. */
export function consolePipe(id: string): string {
  return `\\\\.\\pipe\\tsmachine-${id}`;
}

/**
 * Gives a machine that is off all that it is to have.
 * @throws MachineError `host-not-ready` without a switch, and what `PowerShell.run` throws.
 */
export async function configureMachine(
  context: HardwareContext,
  shell: PowerShell,
  id: string,
): Promise<void> {
  const { host, config } = context;
  const files = machineFiles(context);
  const { switches } = hostFactsOf(await shell.run(hostScript()));
  const memoryBytes = memoryOf(config);
  await writeConfigDisk(host, files.config, context.boot?.guestFiles ?? []);
  await shell.run(
    configureScript({
      id,
      cpus: config.cpus,
      memoryBytes,
      isMemoryDynamic: config.isMemoryDynamic,
      memoryMinBytes: Math.min(memoryBytes, memoryMinBytes),
      switchId: chooseSwitch(switches, config.switchName).id,
      macAddress: config.macAddress,
      vlanId: config.vlanId,
      secureBoot: config.secureBoot,
      pipe: consolePipe(id),
      media: [files.iso, files.config],
      disk: files.disk,
    }),
  );
}

/** True when a machine has not what its record says, or is plugged in nowhere: its switch was removed. */
export function needsChange(config: HyperVConfig, { cpus, memoryBytes, switches }: MachineFacts): boolean {
  const isConnected = switches.some((id) => id !== noSwitch);
  return cpus !== config.cpus || memoryBytes !== memoryOf(config) || !isConnected;
}

/** Memory in bytes, in the units of Hyper-V. */
export function memoryOf({ memoryMiB }: Pick<HyperVConfig, 'memoryMiB'>): number {
  return Math.ceil(memoryMiB / memoryUnitMiB) * memoryUnitMiB * mebibyte;
}
