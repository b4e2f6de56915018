import type { Script } from './script.ts';

/** What is asked of the computer before anything is made; see HostFacts. */
export function hostScript(): Script {
  return {
    operation: 'host',
    parameters: {},
    body: `
$module = $null -ne (Get-Command -Name 'Hyper-V\\Get-VM' -ErrorAction SilentlyContinue)
$user = New-Object -TypeName Security.Principal.WindowsPrincipal -ArgumentList ([Security.Principal.WindowsIdentity]::GetCurrent())
$administrators = New-Object -TypeName Security.Principal.SecurityIdentifier -ArgumentList 'S-1-5-32-544'
$hyperVAdministrators = New-Object -TypeName Security.Principal.SecurityIdentifier -ArgumentList 'S-1-5-32-578'
$mayUse = $user.IsInRole($administrators) -or $user.IsInRole($hyperVAdministrators)
$service = Get-Service -Name 'vmms' -ErrorAction SilentlyContinue
$isServing = $null -ne $service -and [int]$service.Status -eq 4
$switches = @()
if ($module -and $mayUse -and $isServing) {
  $switches = @(Hyper-V\\Get-VMSwitch | ForEach-Object {
    [pscustomobject]@{ id = [string]$_.Id; name = $_.Name; type = [int]$_.SwitchType }
  })
}
[pscustomobject]@{
  module = $module
  mayUse = $mayUse
  isServing = $isServing
  hasHypervisor = [bool](Get-CimInstance -ClassName Win32_ComputerSystem).HypervisorPresent
  edition = [int](Get-CimInstance -ClassName Win32_OperatingSystem).OperatingSystemSKU
  switches = $switches
}
`,
  };
}
