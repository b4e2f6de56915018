import type { Ownership } from './build/file-tree.ts';

/**
 * Modes and owners of files and directories of iso/rootfs that are not the default: 0755 for directories
 * and scripts, 0644 for the rest, everything owned by root. A directory that is named here and not in
 * iso/rootfs is made.
 */
export const guestModes: Readonly<Record<string, Ownership>> = {
  'etc/shadow': { mode: 0o600 },
  'home/docker': { mode: 0o755, uid: 1000, gid: 1000 },
};
