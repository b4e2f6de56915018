import { MachineError } from '../../core/errors.ts';
import type { BuilderNode } from './record.ts';

/** Which machine builds for which platform. Pure. */

const platformForm = /^linux\/[a-z0-9]+(?:\/v\d)?$/;

/** What a machine of an architecture (Go's GOARCH) runs without emulation. */
const runBy: Readonly<Record<string, readonly RegExp[]>> = {
  amd64: [/^linux\/amd64(?:\/v[1-4])?$/, /^linux\/386$/],
  arm64: [/^linux\/arm64(?:\/v8)?$/],
};

/** `linux/amd64,linux/arm64`. @throws MachineError `flag-invalid`. */
export function parsePlatforms(text: string): readonly string[] {
  const platforms = text.split(',').flatMap((each) => (each.trim() === '' ? [] : [each.trim()]));
  const wrong = platforms.find((platform) => !platformForm.test(platform));
  if (wrong !== undefined) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(wrong)} for flag -platforms`, {
      why: 'A platform is linux/ARCHITECTURE: linux/amd64, linux/arm64, linux/arm/v7.',
    });
  }
  return [...new Set(platforms)];
}

/** The architecture of a machine that builds for a platform; undefined for others than our drivers make. */
export function architectureOf(platform: string): 'amd64' | 'arm64' | undefined {
  return (['amd64', 'arm64'] as const).find((architecture) => isRunBy(architecture, platform));
}

/**
 * Gives every wanted platform to the machines that run it. Without wishes each machine builds for its own.
 * @param machines with their architectures
 * @throws MachineError `arguments-invalid` for a platform that none of them runs.
 */
export function assignPlatforms(
  machines: readonly { readonly machine: string; readonly architecture: string }[],
  wanted: readonly string[],
): readonly BuilderNode[] {
  const orphan = wanted.find(
    (platform) => !machines.some(({ architecture }) => isRunBy(architecture, platform)),
  );
  if (orphan !== undefined) {
    const those = machines
      .map(({ machine, architecture }) => `${machine} is linux/${architecture}`)
      .join(', ');
    throw new MachineError('arguments-invalid', `None of the machines builds for ${orphan}.`, {
      why: `${those}.`,
      remedies: [
        'Add a machine of that architecture: --on NAME,NAME',
        'Have machines made for the platforms: -d DRIVER --platforms linux/amd64,linux/arm64',
      ],
    });
  }
  return machines.map(({ machine, architecture }) => ({
    machine,
    platforms:
      wanted.length === 0
        ? [`linux/${architecture}`]
        : wanted.filter((platform) => isRunBy(architecture, platform)),
  }));
}

function isRunBy(architecture: string, platform: string): boolean {
  return (
    platform === `linux/${architecture}` ||
    (runBy[architecture] ?? []).some((pattern) => pattern.test(platform))
  );
}
