import type { ErrorCode } from '../../core/codes.ts';
import { MachineError } from '../../core/errors.ts';
import { cleanGuestText } from '../guest-phases.ts';

/** Why QEMU ended, for those who can try again. */
export type StartFailureReason = 'port-taken' | 'ended-before-first-mark' | 'other';

interface KnownFailure {
  readonly pattern: RegExp;
  readonly what: string;
  readonly code?: ErrorCode;
  readonly reason?: StartFailureReason;
  readonly remedies?: readonly string[];
}

/** Texts of QEMU 7.2 to 11.1 on standard error, and what they mean for the user. */
const knownFailures: readonly KnownFailure[] = [
  {
    pattern: /Could not set up host forwarding rule/,
    what: 'A port of this computer that the machine used is taken by another program.',
    reason: 'port-taken',
  },
  {
    pattern: /Failed to get (?:shared )?"(?:write|consistent read)" lock/,
    what: 'A disk of the machine is in use by another process.',
    remedies: ['Look for another qemu process that uses the disk, and end it.'],
  },
  {
    pattern: /cannot create PID file: Cannot lock pid file/i,
    what: 'The machine is already run by another QEMU process.',
    remedies: ['Run "tsmachine status NAME", then "tsmachine kill NAME".'],
  },
  {
    pattern: /cannot set up guest memory|Cannot allocate memory/,
    what: 'This computer has not enough free memory for the machine.',
    code: 'host-not-ready',
    remedies: ['Close other programs or machines, or create the machine with less memory (--qemu-memory).'],
  },
  {
    pattern: /Could not access KVM kernel module: Permission denied|\/dev\/kvm.*Permission denied/,
    what: 'You may not use /dev/kvm.',
    code: 'host-not-ready',
    remedies: ['Run: sudo usermod -aG kvm "$USER", then log in again; or use --qemu-accel tcg.'],
  },
  {
    pattern:
      /invalid accelerator|failed to initialize|Could not access KVM kernel module|No accelerator found|requires KVM or HVF/i,
    what: 'The accelerator cannot be used on this computer.',
    code: 'host-not-ready',
    remedies: ['Create the machine with --qemu-accel auto or --qemu-accel tcg.'],
  },
  {
    pattern: /UNIX socket path .* is too long/,
    what: 'The path of a control socket is longer than the system allows.',
    code: 'host-not-ready',
    remedies: ['Set XDG_CACHE_HOME or TMPDIR to a directory with a short path.'],
  },
  {
    pattern:
      /could not open kernel file|could not load (?:kernel|initrd|PVH)|error loading (?:uncompressed kernel|initrd)/i,
    what: "QEMU cannot read the image's kernel.",
    code: 'image-invalid',
  },
  {
    pattern:
      /Could not open .*(?:No such file|Permission denied)|can't load .*: (?:No such file|Permission denied)/,
    what: 'QEMU cannot open a file of the machine.',
  },
];

const tailCharsMax = 2000;

/**
 * The error for a QEMU process that did not start or ended too early.
 * @param output what QEMU wrote to its log
 * @param fallback what happened, when the output says nothing that is known
 */
export function startFailure(
  output: string,
  fallback: string,
  reason: StartFailureReason = 'other',
): MachineError {
  const lines = output
    .split(/\r?\n/)
    .map((line) => cleanGuestText(line))
    .filter((line) => line !== '' && !/: warning: |^qemu: module .* not found/.test(line));
  const why = lines.slice(-4).join('\n').slice(0, tailCharsMax);
  const known = knownFailures.find((failure) => failure.pattern.test(output));
  return new MachineError(known?.code ?? 'vm-start-failed', known?.what ?? fallback, {
    ...(why === '' ? {} : { why }),
    ...(known?.remedies === undefined ? {} : { remedies: known.remedies }),
    facts: { reason: known === undefined ? reason : (known.reason ?? 'other') },
  });
}

/**
 * The error for a QEMU process that ended before its guest spoke: the same whether it was gone before it
 * answered us or after, which depends only on how busy the computer is. A start may be tried again.
 * @param output what QEMU wrote to its log
 */
export function endedEarly(output: string): MachineError {
  return startFailure(output, 'QEMU ended before the kernel gave a sign of life.', 'ended-before-first-mark');
}
