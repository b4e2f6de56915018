import { systemCode } from '../core/errors.ts';
import type { ProcessIdentity } from '../host/types.ts';
import { machinePaths } from '../machine/machine-paths.ts';
import type { PublishMode } from '../machine/publish-mode.ts';
import type { Session } from '../machine/session.ts';
import type { PortState } from './publisher.ts';
import type { MountState } from './share-mounts.ts';

/** `agent.json`: what a background agent has done. True only while its process runs. */
export interface AgentState {
  readonly schema: 1;
  readonly process: ProcessIdentity;
  readonly publish: PublishMode;
  /** False until the engine was asked for the first time. */
  readonly isComplete: boolean;
  readonly ports: readonly PortState[];
  /** The directories that it serves; absent where it serves none. */
  readonly mounts?: readonly MountState[];
}

/** Writes it, whole or not at all. */
export async function writeAgentState(
  { host }: Session,
  directory: string,
  state: AgentState,
): Promise<void> {
  const text = `${JSON.stringify(state, undefined, 1)}\n`;
  await host.files.writeAtomic(machinePaths(directory).agentState, text, 0o600);
}

/** What exactly this process has written; undefined when it has not yet. */
export async function readAgentState(
  { host }: Session,
  directory: string,
  process: ProcessIdentity,
): Promise<AgentState | undefined> {
  let text: string;
  try {
    text = await host.files.readText(machinePaths(directory).agentState);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  const state = parse(text);
  const isOfProcess = state?.process.pid === process.pid && state.process.startTime === process.startTime;
  return isOfProcess ? state : undefined;
}

/** The file is ours and was written whole; one of another version is as good as none. */
function parse(text: string): AgentState | undefined {
  try {
    const value = JSON.parse(text) as Partial<AgentState> | null;
    const isOne = value?.schema === 1 && value.process !== undefined && Array.isArray(value.ports);
    return isOne ? (value as AgentState) : undefined;
  } catch {
    return undefined;
  }
}
