import { X509Certificate } from 'node:crypto';
import { findPowerShell, powerShellArguments } from '../../drivers/windows-powershell.ts';
import type { Session } from '../session.ts';
import { withoutPublic } from './authorities.ts';
import { certificatesIn, uniqueAuthorities, type Authority } from './certificate-files.ts';

/** The first call after a start of Windows was seen to take half a minute. */
const timeoutMs = 60_000;

/**
 * Prints, one a line and in base64, the certificates that Windows trusts as roots and that are not of Microsoft's list of
 * third parties, which has a store of its own (AuthRoot). The user's store shows those of the computer, too.
 */
const script = `$ErrorActionPreference = 'Stop'
$known = @(Get-ChildItem -Path Cert:\\LocalMachine\\AuthRoot | ForEach-Object { $_.Thumbprint })
Get-ChildItem -Path Cert:\\CurrentUser\\Root |
  Where-Object { $known -notcontains $_.Thumbprint } |
  ForEach-Object { [Console]::Out.WriteLine([Convert]::ToBase64String($_.RawData)) }
`;

/** The roots that an administrator, a policy or the user has added to Windows. */
export async function windowsAuthorities(session: Session): Promise<Authority[]> {
  const { host, signal } = session;
  const program = await findPowerShell(host);
  if (program === undefined) {
    return [];
  }
  try {
    const { stdout } = await host.processes.run(program, powerShellArguments(script), { timeoutMs, signal });
    return addedRoots(stdout, host.clock.nowMs());
  } catch {
    signal.throwIfAborted();
    return [];
  }
}

/**
 * What of these lines somebody has added: not Microsoft's own roots, which come with Windows, nor what the web trusts
 * anyway, nor what has ended or signs nothing.
 */
export function addedRoots(output: string, nowMs: number): Authority[] {
  const all = output
    .split(/\r?\n/)
    .filter((line) => /^[A-Za-z0-9+/]{100,}={0,2}$/.test(line))
    .flatMap((line) => certificatesIn(Buffer.from(line, 'base64'), "Windows' trusted roots"));
  const wanted = all.filter(({ pem }) => {
    const { ca, subject, validTo } = new X509Certificate(pem);
    return ca && Date.parse(validTo) > nowMs && !/Microsoft/i.test(subject);
  });
  return uniqueAuthorities(withoutPublic(wanted));
}
