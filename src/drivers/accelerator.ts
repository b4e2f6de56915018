import { isMachineError, messageOf } from '../core/errors.ts';
import type { BootImage } from './driver.ts';
import { parseGuestMark } from './guest-phases.ts';
import type { Host } from '../host/types.ts';
import { readVerdict, writeVerdict, type Verdict } from './accelerator-cache.ts';
import { probeArguments, type Accelerator, type AcceleratorChoice, type Architecture } from './qemu-board.ts';
import { hostArchitecture } from './qemu-programs.ts';

/** What to run the guest with, and why it is not something faster. */
export interface AcceleratorDecision {
  readonly accelerator: Accelerator;
  /** Why hardware acceleration is not used; missing when it is, or when the user asked for `tcg`. */
  readonly reason?: string;
  /** What the user can do about the reason. */
  readonly remedy?: string;
  /** True when a test boot of this very call has found it out. */
  readonly isFresh: boolean;
  /** True when the accelerator is only there; whether it runs a kernel is not known yet. */
  readonly isUnproven?: boolean;
}

/** What the decision depends on. */
export interface AcceleratorQuestion {
  /** Absolute path of qemu-system-*. */
  readonly program: string;
  readonly choice: AcceleratorChoice;
  readonly architecture: Architecture;
  /** Without an image nothing is booted, and only an earlier verdict counts. */
  readonly image?: BootImage | undefined;
  readonly signal?: AbortSignal | undefined;
}

const probeTimeoutMs = 5_000;
const helpTimeoutMs = 10_000;
const reasonCharsMax = 300;

/**
 * Chooses the accelerator. A device like /dev/kvm proves little: there are hosts on which it opens and
 * firmware runs, but no real kernel does. So the image's own kernel is booted once with the candidate,
 * and the verdict is kept until the host boots again or QEMU changes.
 */
export async function decideAccelerator(
  host: Host,
  question: AcceleratorQuestion,
): Promise<AcceleratorDecision> {
  if (question.choice !== 'auto') {
    return { accelerator: question.choice, isFresh: false };
  }
  const candidate = candidateOf(host, question.architecture);
  if (candidate === undefined) {
    const guest = question.architecture;
    return {
      accelerator: 'tcg',
      reason: `This computer (${host.facts.platform}, ${host.facts.arch}) cannot run ${guest} guests in hardware.`,
      isFresh: false,
    };
  }
  const known = await readVerdict(host, question.program, candidate);
  if (known !== undefined) {
    return decisionFrom(candidate, known, { isFresh: false });
  }
  const obstacle = await findObstacle(host, question, candidate);
  if (obstacle !== undefined) {
    // Not kept, since it costs nothing to see, and the user may be about to remove it.
    return decisionFrom(candidate, { works: false, reason: obstacle }, { isFresh: false });
  }
  if (question.image === undefined) {
    return { accelerator: candidate, isFresh: false, isUnproven: true };
  }
  const verdict = await probe(host, question, { candidate, image: question.image });
  await writeVerdict(host, question.program, { accelerator: candidate, verdict });
  return decisionFrom(candidate, verdict, { isFresh: true });
}

/** The accelerator of a platform for guests of an architecture, if there is one. */
export function candidateOf(host: Pick<Host, 'facts'>, architecture: Architecture): Accelerator | undefined {
  if (hostArchitecture(host.facts) !== architecture) {
    return undefined;
  }
  const byPlatform: Readonly<Partial<Record<NodeJS.Platform, Accelerator>>> = {
    linux: 'kvm',
    darwin: 'hvf',
    win32: 'whpx',
    netbsd: 'nvmm',
  };
  return byPlatform[host.facts.platform];
}

/** Names out of `-accel help`. */
export function parseAccelerators(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => /^[a-z]+$/.test(line));
}

function decisionFrom(
  candidate: Accelerator,
  verdict: Verdict,
  { isFresh }: { readonly isFresh: boolean },
): AcceleratorDecision {
  if (verdict.works) {
    return { accelerator: candidate, isFresh };
  }
  const { reason } = verdict;
  const remedy = remedyFor(candidate, reason);
  return { accelerator: 'tcg', reason, ...(remedy === undefined ? {} : { remedy }), isFresh };
}

/** What rules the candidate out without a boot. */
async function findObstacle(
  host: Host,
  question: AcceleratorQuestion,
  candidate: Accelerator,
): Promise<string | undefined> {
  if (candidate === 'kvm' && (await host.files.stat('/dev/kvm')) === undefined) {
    return 'There is no /dev/kvm: virtualisation is off in the firmware, or KVM is not loaded.';
  }
  const help = await host.processes.run(question.program, ['-M', 'none', '-accel', 'help'], {
    timeoutMs: helpTimeoutMs,
    signal: question.signal,
  });
  return parseAccelerators(help.stdout).includes(candidate)
    ? undefined
    : `This QEMU was built without ${candidate}.`;
}

/** Boots the kernel until its init speaks. A kernel that cannot run ends, crashes or burns time in silence. */
async function probe(
  host: Host,
  question: AcceleratorQuestion,
  boot: { readonly candidate: Accelerator; readonly image: BootImage },
): Promise<Verdict> {
  const board = {
    accelerator: boot.candidate,
    architecture: question.architecture,
  };
  const output = await runToEnd(host, question, probeArguments(boot.image, board));
  const spoke = output.stdout.split(/[\r\n]+/).some((line) => parseGuestMark(line) !== undefined);
  if (spoke) {
    return { works: true, reason: '' };
  }
  const error = output.stderr
    .split(/\r?\n/)
    .map((line) => line.replace(/^\S*qemu-system-[^:]*:\s*/, '').trim())
    .find((line) => line !== '' && !/^warning:/i.test(line));
  const how =
    error ??
    (output.endedInTime
      ? 'the kernel crashed at once'
      : `the kernel gave no sign of life in ${probeTimeoutMs / 1000} s`);
  return {
    works: false,
    reason: `A test boot with ${boot.candidate} failed: ${how.slice(0, reasonCharsMax)}`,
  };
}

async function runToEnd(
  host: Host,
  question: AcceleratorQuestion,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly stderr: string; readonly endedInTime: boolean }> {
  const deadlineMs = host.clock.monotonicMs() + probeTimeoutMs;
  try {
    const options = { timeoutMs: probeTimeoutMs, signal: question.signal, acceptExitCodes: 'any' } as const;
    const { stdout, stderr } = await host.processes.run(question.program, args, options);
    return { stdout, stderr, endedInTime: true };
  } catch (error) {
    question.signal?.throwIfAborted();
    if (!isMachineError(error) || error.code !== 'program-failed') {
      throw error;
    }
    const { stdout, stderr } = error.facts;
    return {
      stdout: typeof stdout === 'string' ? stdout : '',
      stderr: typeof stderr === 'string' ? stderr : messageOf(error),
      endedInTime: host.clock.monotonicMs() < deadlineMs,
    };
  }
}

function remedyFor(candidate: Accelerator, reason: string): string | undefined {
  if (candidate === 'kvm' && /permission denied/i.test(reason)) {
    return 'Give yourself access to /dev/kvm: sudo usermod -aG kvm "$USER", then log in again.';
  }
  if (candidate === 'kvm' && reason.includes('/dev/kvm')) {
    return 'Switch virtualisation on in the firmware and load the module kvm_intel or kvm_amd.';
  }
  return candidate === 'whpx' ? 'Switch on the Windows feature "Windows Hypervisor Platform".' : undefined;
}
