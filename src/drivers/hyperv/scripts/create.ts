import { findMachine } from './machine.ts';
import type { Script } from './script.ts';

/** Makes a machine of the second generation in a directory, without a disk, and says whose it is. */
export function registerScript(machine: {
  readonly name: string;
  readonly directory: string;
  readonly notes: string;
  readonly memoryBytes: number;
}): Script {
  return {
    operation: 'register',
    parameters: machine,
    body: `
$vm = Hyper-V\\New-VM -Name $p.name -Path $p.directory -Generation 2 -NoVHD -MemoryStartupBytes $p.memoryBytes
Hyper-V\\Set-VM -VM $vm -Notes $p.notes
@{ id = [string]$vm.Id }
`,
  };
}

/** Says whose a machine is. */
export function claimScript(machine: { readonly id: string; readonly notes: string }): Script {
  return {
    operation: 'claim',
    parameters: machine,
    body: `
${findMachine}
Hyper-V\\Set-VM -VM $vm -Notes $p.notes
@{ id = $p.id }
`,
  };
}

/** What a machine is to have. */
export interface Hardware {
  readonly id: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly isMemoryDynamic: boolean;
  readonly memoryMinBytes: number;
  readonly switchId: string;
  readonly macAddress: string;
  readonly vlanId: number;
  readonly secureBoot: boolean;
  /** Path of the pipe to which the guest's serial line leads. */
  readonly pipe: string;
  /** CDs; the machine boots from the first. */
  readonly media: readonly string[];
  readonly disk: string;
}

/**
 * Gives a machine that is off its devices. Can be run again, and changes only what is otherwise. What Windows knows
 * since 2017 alone is left out where it does not.
 */
export function configureScript(hardware: Hardware): Script {
  return {
    operation: 'configure',
    parameters: { ...hardware },
    body: `
${findMachine}
Hyper-V\\Set-VM -VM $vm -AutomaticStartAction Nothing -AutomaticStopAction ShutDown
if ((Get-Command -Name 'Hyper-V\\Set-VM').Parameters.ContainsKey('AutomaticCheckpointsEnabled')) {
  Hyper-V\\Set-VM -VM $vm -AutomaticCheckpointsEnabled $false
}
Hyper-V\\Set-VMProcessor -VM $vm -Count $p.cpus
if ($p.isMemoryDynamic) {
  Hyper-V\\Set-VMMemory -VM $vm -DynamicMemoryEnabled $true -StartupBytes $p.memoryBytes -MinimumBytes $p.memoryMinBytes -MaximumBytes $p.memoryBytes
} else {
  Hyper-V\\Set-VMMemory -VM $vm -DynamicMemoryEnabled $false -StartupBytes $p.memoryBytes
}
$card = Hyper-V\\Get-VMNetworkAdapter -VM $vm | Select-Object -First 1
if ($null -eq $card) { $card = Hyper-V\\Add-VMNetworkAdapter -VM $vm -Passthru }
$switch = Hyper-V\\Get-VMSwitch | Where-Object { [string]$_.Id -eq $p.switchId } | Select-Object -First 1
Hyper-V\\Connect-VMNetworkAdapter -VMNetworkAdapter $card -VMSwitch $switch
if ($p.macAddress -ne '') { Hyper-V\\Set-VMNetworkAdapter -VMNetworkAdapter $card -StaticMacAddress $p.macAddress }
if ($p.vlanId -gt 0) { Hyper-V\\Set-VMNetworkAdapterVlan -VMNetworkAdapter $card -Access -VlanId $p.vlanId }
Hyper-V\\Set-VMComPort -VM $vm -Number 1 -Path $p.pipe
foreach ($path in $p.media) {
  if (@(Hyper-V\\Get-VMDvdDrive -VM $vm | Where-Object { $_.Path -eq $path }).Count -eq 0) { Hyper-V\\Add-VMDvdDrive -VM $vm -Path $path }
}
if (@(Hyper-V\\Get-VMHardDiskDrive -VM $vm | Where-Object { $_.Path -eq $p.disk }).Count -eq 0) { Hyper-V\\Add-VMHardDiskDrive -VM $vm -Path $p.disk }
$boot = Hyper-V\\Get-VMDvdDrive -VM $vm | Where-Object { $_.Path -eq $p.media[0] } | Select-Object -First 1
if ($p.secureBoot) {
  Hyper-V\\Set-VMFirmware -VM $vm -EnableSecureBoot On -SecureBootTemplate MicrosoftUEFICertificateAuthority -FirstBootDevice $boot
} else {
  Hyper-V\\Set-VMFirmware -VM $vm -EnableSecureBoot Off -FirstBootDevice $boot
}
@{}
`,
  };
}
