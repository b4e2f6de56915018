import { isMachineError, MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';

/** `docker buildx`, by which builders are made, so that they are as the user's own version of it keeps them. */

/** One machine of a builder. */
export interface BuildxNode {
  readonly builder: string;
  readonly node: string;
  /** Docker context of the machine. */
  readonly context: string;
  readonly platforms: readonly string[];
  readonly driverOptions: readonly string[];
  /** The builder is there already. */
  readonly isAppended: boolean;
}

export interface Buildx {
  exists(builder: string): Promise<boolean>;
  addNode(node: BuildxNode): Promise<void>;
  /** Takes it away with its containers on the machines; none there is success. */
  remove(builder: string): Promise<void>;
  /** From now on it is the one that builds. */
  select(builder: string): Promise<void>;
  /** Starts it on all of its machines. */
  bootstrap(builder: string): Promise<void>;
}

const quickTimeoutMs = 60_000;
/** The image of BuildKit may have to be fetched. */
const bootstrapTimeoutMs = 15 * 60_000;
const isUnknown = /no builder .* found|failed to find|not found/i;

/** @throws MachineError `program-missing` when there is no Docker client, or one without buildx. */
export async function openBuildx(
  { processes }: Pick<Host, 'processes'>,
  signal: AbortSignal,
): Promise<Buildx> {
  const docker = await processes.find('docker');
  if (docker === undefined) {
    throw new MachineError('program-missing', 'There is no Docker client on PATH.', {
      remedies: ['Install the Docker CLI (docker-ce-cli, docker-cli) with its plugin buildx.'],
    });
  }
  const run = async (args: readonly string[], timeoutMs = quickTimeoutMs): Promise<string> =>
    (await processes.run(docker, ['buildx', ...args], { timeoutMs, signal })).stdout;
  try {
    await run(['version']);
  } catch (error) {
    signal.throwIfAborted();
    throw new MachineError('program-missing', 'The Docker client has no plugin buildx.', {
      why: 'docker buildx version failed.',
      remedies: ['Install it: docker-buildx-plugin (Docker), docker-buildx (Debian, Homebrew).'],
      cause: error,
    });
  }
  return {
    exists: async (builder) => {
      const { exitCode } = await processes.run(docker, ['buildx', 'inspect', builder], {
        timeoutMs: quickTimeoutMs,
        signal,
        acceptExitCodes: 'any',
      });
      return exitCode === 0;
    },
    addNode: async ({ builder, node, context, platforms, driverOptions, isAppended }) => {
      const options = [
        ...['--name', builder, '--node', node, '--driver', 'docker-container'],
        ...(isAppended ? ['--append'] : []),
        ...(platforms.length === 0 ? [] : ['--platform', platforms.join(',')]),
        ...driverOptions.flatMap((option) => ['--driver-opt', option]),
      ];
      await run(['create', ...options, context]);
    },
    remove: async (builder) => {
      try {
        await run(['rm', '--force', builder], bootstrapTimeoutMs);
      } catch (error) {
        const said = isMachineError(error) ? error.facts['stderr'] : undefined;
        if (typeof said !== 'string' || !isUnknown.test(said)) {
          throw error;
        }
      }
    },
    select: async (builder) => {
      await run(['use', builder]);
    },
    bootstrap: async (builder) => {
      await run(['inspect', '--bootstrap', builder], bootstrapTimeoutMs);
    },
  };
}
