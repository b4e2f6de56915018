import type { Script } from './script.ts';

/**
 * Finds the machine `$p.id` as `$vm`, an error when there is none. All are listed: asking for one that is not there is an
 * error that differs between versions of Windows.
 */
export const findMachine = `
$vm = Hyper-V\\Get-VM | Where-Object { [string]$_.Id -eq $p.id } | Select-Object -First 1
if ($null -eq $vm) { throw 'TsmMachineGone' }
`.trim();

/** `id` of the error where a machine is not there any more. */
export const machineGoneId = 'TsmMachineGone';

/**
 * The machines with an id, or where it is empty with a name; see MachineFacts. The addresses are those that the guest
 * tells, else those that this computer has seen with the MAC address of the machine.
 */
export function lookScript(machine: { readonly id: string; readonly name: string }): Script {
  return {
    operation: 'look',
    parameters: machine,
    body: `
$machines = @(Hyper-V\\Get-VM | Where-Object { ($p.id -ne '' -and [string]$_.Id -eq $p.id) -or ($p.id -eq '' -and $_.Name -eq $p.name) })
@{ machines = @($machines | ForEach-Object {
  $vm = $_
  $cards = @($vm.NetworkAdapters)
  $addresses = @($cards | ForEach-Object { $_.IPAddresses })
  $seen = @()
  if ([int]$vm.State -eq 2 -and @($addresses | Where-Object { $_ -match '^[0-9.]+$' }).Count -eq 0) {
    $seen = @($cards | ForEach-Object {
      $link = $_.MacAddress -replace '(..)(?=.)', '$1-'
      Get-NetNeighbor -AddressFamily IPv4 -LinkLayerAddress $link -ErrorAction SilentlyContinue | ForEach-Object { $_.IPAddress }
    })
  }
  [pscustomobject]@{
    id = [string]$vm.Id
    name = $vm.Name
    state = [int]$vm.State
    generation = [int]$vm.Generation
    path = [string]$vm.Path
    notes = [string]$vm.Notes
    cpus = [int]$vm.ProcessorCount
    memoryBytes = [long]$vm.MemoryStartup
    disks = @($vm.HardDrives | ForEach-Object { $_.Path })
    switches = @($cards | ForEach-Object { [string]$_.SwitchId })
    addresses = $addresses
    seen = $seen
  }
}) }
`,
  };
}

/** Asks the name server of the Default Switch for the address of a machine; its guest has told its name by DHCP. */
export function resolveScript(machine: { readonly name: string }): Script {
  return {
    operation: 'resolve',
    parameters: machine,
    body: `
@{ addresses = @(Resolve-DnsName -Name ($p.name + '.mshome.net') -Type A -QuickTimeout -ErrorAction SilentlyContinue | ForEach-Object { $_.IPAddress }) }
`,
  };
}
