import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, Finding } from '../driver.ts';
import { decideAccelerator } from '../accelerator.ts';
import type { Architecture } from '../qemu-board.ts';
import type { QemuConfig } from './config.ts';
import { sizeFindings } from '../size-findings.ts';
import { readProgramFacts } from './program-facts.ts';
import {
  findImageTool,
  findProgram,
  hostArchitecture,
  installHint,
  isSupported,
  systemProgramOf,
  versionMin,
} from '../qemu-programs.ts';

type CheckContext = Omit<DriverContext<QemuConfig>, 'directory' | 'name' | 'save'>;

/** Whether this computer can run the machine; see the contract. */
export async function checkHost(context: CheckContext): Promise<readonly Finding[]> {
  const { host, config } = context;
  const architecture = context.boot?.image.architecture ?? hostArchitecture(host.facts);
  if (architecture === undefined) {
    const message = `There is no machine image for this computer's architecture (${host.facts.arch}).`;
    return [{ severity: 'error', code: 'architecture-unknown', message }];
  }
  const wanted = config.program === '' ? systemProgramOf(architecture) : config.program;
  const program = await findProgram(host, wanted);
  const imageTool = await findImageTool(host, program);
  return [
    ...(program === undefined
      ? [missing('qemu-missing', wanted, installHint(host.facts, architecture))]
      : await programFindings(context, program, architecture)),
    imageTool === undefined
      ? missing('qemu-img-missing', 'qemu-img', installHint(host.facts, architecture))
      : { severity: 'ok', code: 'qemu-img', message: `qemu-img: ${imageTool}` },
    ...sizeFindings(host, { ...config, prefix: 'qemu' }),
  ];
}

async function programFindings(
  context: CheckContext,
  program: string,
  architecture: Architecture,
): Promise<Finding[]> {
  try {
    const { version } = await readProgramFacts(context.host, program, context.signal);
    if (!isSupported(version)) {
      const oldest = `${versionMin.major}.${versionMin.minor}`;
      return [
        {
          severity: 'error',
          code: 'qemu-too-old',
          message: `QEMU ${version.text} is too old; ${oldest} or newer is needed.`,
          remedy: installHint(context.host.facts, architecture),
        },
      ];
    }
    return [
      { severity: 'ok', code: 'qemu', message: `QEMU ${version.text}: ${program}` },
      await acceleratorFinding(context, program, architecture),
    ];
  } catch (error) {
    context.signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return [
      { severity: 'error', code: 'qemu-broken', message: `${program} cannot be run: ${error.message}` },
    ];
  }
}

async function acceleratorFinding(
  context: CheckContext,
  program: string,
  architecture: Architecture,
): Promise<Finding> {
  const decision = await decideAccelerator(context.host, {
    program,
    choice: context.config.accelerator,
    architecture,
    image: context.boot?.image,
    signal: context.signal,
  });
  if (decision.reason === undefined) {
    const note = decision.isUnproven === true ? ', if the test boot of the first create succeeds' : '';
    const message =
      decision.accelerator === 'tcg'
        ? 'Machines are emulated, as asked.'
        : `Machines run with ${decision.accelerator}${note}.`;
    return { severity: 'ok', code: 'accelerator', message };
  }
  return {
    severity: 'warning',
    code: 'accelerator-unusable',
    message: `Machines are emulated, which is slow. ${decision.reason}`,
    ...(decision.remedy === undefined ? {} : { remedy: decision.remedy }),
  };
}

function missing(code: string, program: string, remedy: string): Finding {
  return { severity: 'error', code, message: `${program} was not found.`, remedy };
}
