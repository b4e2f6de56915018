import { MachineError } from '../core/errors.ts';
import type { EngineOptions } from '../store/record.ts';

/**
 * Arguments of dockerd for the options of a record, one per element, as docker-machine passes them:
 * `k=v` of `--engine-opt` becomes `--k=v`, labels end with `provider=DRIVER`.
 * @throws MachineError `flag-invalid` for a value that holds a line end or NUL, which no argument list survives.
 */
export function engineArguments(options: EngineOptions | null, driverName: string): string[] {
  const args = [
    ...(options?.ArbitraryFlags ?? []).map((flag) => `--${flag.replace(/^-+/, '')}`),
    ...(options?.Labels ?? []).map((label) => `--label=${label}`),
    `--label=provider=${driverName}`,
    ...(options?.InsecureRegistry ?? []).map((registry) => `--insecure-registry=${registry}`),
    ...(options?.RegistryMirror ?? []).map((mirror) => `--registry-mirror=${mirror}`),
    ...((options?.StorageDriver ?? '') === '' ? [] : [`--storage-driver=${options?.StorageDriver ?? ''}`]),
  ];
  args.forEach((argument) => {
    requireOneLine(argument, 'engine option');
  });
  options?.Labels?.forEach(requireLabel);
  options?.RegistryMirror?.forEach(requireMirror);
  return args;
}

/**
 * Environment of dockerd, `NAME=VALUE` each.
 * @throws MachineError `flag-invalid` for what is not an assignment, or holds a line end or NUL.
 */
export function engineEnvironment(options: EngineOptions | null): string[] {
  const assignments = options?.Env ?? [];
  for (const assignment of assignments) {
    requireOneLine(assignment, 'engine environment value');
    if (!/^[A-Za-z_][A-Za-z0-9_]*=/.test(assignment)) {
      throw new MachineError(
        'flag-invalid',
        `--engine-env takes NAME=VALUE, not ${JSON.stringify(assignment)}.`,
      );
    }
  }
  return [...assignments];
}

/** What the engine of our image takes when nothing else is asked for. */
const defaultStorageDriver = 'overlay2';

/** Options as JSON of the engine's configuration file, or why a running engine cannot take them over. */
export type LiveEngineConfig = { readonly config: string } | { readonly obstacle: string };

/**
 * The same options for an engine that runs already. It reads labels, mirrors and insecure registries of its
 * configuration file again when it is told to; everything else it reads at its start alone.
 * Source: https://docs.docker.com/reference/cli/dockerd/#configuration-reload-behavior
 */
export function liveEngineConfig(options: EngineOptions | null, driverName: string): LiveEngineConfig {
  if ((options?.ArbitraryFlags ?? []).length > 0) {
    return { obstacle: 'a running engine does not take over --engine-opt' };
  }
  if ((options?.Env ?? []).length > 0) {
    return { obstacle: 'a running engine does not take over --engine-env' };
  }
  if (!['', defaultStorageDriver].includes(options?.StorageDriver ?? '')) {
    return { obstacle: 'a running engine does not take over --engine-storage-driver' };
  }
  const config = {
    labels: [...(options?.Labels ?? []), `provider=${driverName}`],
    'insecure-registries': options?.InsecureRegistry ?? [],
    'registry-mirrors': options?.RegistryMirror ?? [],
  };
  return { config: `${JSON.stringify(config)}\n` };
}

/** The engine's own rule: a name, "=", and whatever follows; the name without blanks. */
function requireLabel(label: string): void {
  if (!/^[^\s=]+=/.test(label)) {
    throw new MachineError(
      'flag-invalid',
      `--engine-label takes NAME=VALUE, not ${JSON.stringify(label)}; the engine would not start.`,
    );
  }
}

function requireMirror(mirror: string): void {
  if (!isMirror(mirror)) {
    throw new MachineError(
      'flag-invalid',
      `--engine-registry-mirror takes http(s)://HOST[:PORT], not ${JSON.stringify(mirror)}; the engine would not start.`,
    );
  }
}

/** The engine's own rule for a registry mirror: an address of a server, without a path. */
export function isMirror(mirror: string): boolean {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  return (
    url !== undefined &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.pathname === '/' &&
    `${url.search}${url.hash}${url.username}${url.password}` === ''
  );
}

function requireOneLine(value: string, what: string): void {
  if (/[\n\r\0]/.test(value)) {
    throw new MachineError('flag-invalid', `The ${what} ${JSON.stringify(value)} holds a line end or NUL.`);
  }
}
