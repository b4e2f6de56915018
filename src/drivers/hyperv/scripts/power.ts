import { findMachine } from './machine.ts';
import type { Script } from './script.ts';

/**
 * Starts a machine that is off or saved. CDs of which the file was replaced are put in anew: the process of a machine may
 * read only files that Hyper-V has given it.
 * @param media paths of those CDs; empty for a machine that goes on from what it saved
 */
export function startScript(machine: { readonly id: string; readonly media: readonly string[] }): Script {
  return {
    operation: 'start',
    parameters: machine,
    body: `
${findMachine}
foreach ($drive in @(Hyper-V\\Get-VMDvdDrive -VM $vm | Where-Object { $p.media -contains $_.Path })) {
  $path = $drive.Path
  Hyper-V\\Set-VMDvdDrive -VMDvdDrive $drive -Path $null
  Hyper-V\\Set-VMDvdDrive -VMDvdDrive $drive -Path $path
}
Hyper-V\\Start-VM -VM $vm
@{}
`,
  };
}

/** Lets a paused machine go on. */
export function resumeScript(machine: { readonly id: string }): Script {
  return {
    operation: 'resume',
    parameters: machine,
    body: `
${findMachine}
Hyper-V\\Resume-VM -VM $vm
@{}
`,
  };
}

/** Asks the guest to power off, and returns when it has; Hyper-V itself gives up after minutes. */
export function shutDownScript(machine: { readonly id: string }): Script {
  return {
    operation: 'shut-down',
    parameters: machine,
    body: `
${findMachine}
Hyper-V\\Stop-VM -VM $vm -Force
@{}
`,
  };
}

/** Takes the power away; what a machine saved is thrown away. */
export function turnOffScript(machine: { readonly id: string }): Script {
  return {
    operation: 'turn-off',
    parameters: machine,
    body: `
${findMachine}
if (@(6, 32779) -contains [int]$vm.State) {
  Hyper-V\\Remove-VMSavedState -VM $vm
} else {
  Hyper-V\\Stop-VM -VM $vm -TurnOff -Force
}
@{}
`,
  };
}

/** Takes a machine that is off out of Hyper-V. Its files stay. */
export function removeScript(machine: { readonly id: string }): Script {
  return {
    operation: 'remove',
    parameters: machine,
    body: `
${findMachine}
Hyper-V\\Remove-VM -VM $vm -Force
@{}
`,
  };
}
