/** Which VirtualBox is pretended. */
export interface Profile {
  readonly version: string;
  readonly major: number;
  readonly minor: number;
  readonly platform: 'linux' | 'darwin';
  readonly architecture: 'x86' | 'arm';
  /** Without its kernel module nothing starts and there are no host-only interfaces, as where the samples were recorded. */
  readonly hasModule: boolean;
}

const linux = { platform: 'linux', architecture: 'x86', hasModule: true } as const;

/** The profiles by name. */
export const profiles = {
  '6.1': { ...linux, version: '6.1.50r161033', major: 6, minor: 1 },
  '7.0': { ...linux, version: '7.0.20r163906', major: 7, minor: 0 },
  '7.1-mac-arm': {
    version: '7.1.6r167084',
    major: 7,
    minor: 1,
    platform: 'darwin',
    architecture: 'arm',
    hasModule: true,
  },
  '7.2': { ...linux, version: '7.2.22_Debianr175245', major: 7, minor: 2 },
  /** Where the samples were recorded. */
  recorded: { ...linux, version: '7.2.22_Debianr175245', major: 7, minor: 2, hasModule: false },
} as const satisfies Readonly<Record<string, Profile>>;

export type ProfileName = keyof typeof profiles;
