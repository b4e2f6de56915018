import { joinPath, machineFiles } from '../store/paths.ts';

/** Absolute paths of a machine's files, by what they are. */
export type MachinePaths = Readonly<Record<keyof typeof machineFiles, string>>;

const entries = Object.entries(machineFiles);

/** The files in a machine's directory, whether they exist or not. @param directory absolute and normalised */
export function machinePaths(directory: string): MachinePaths {
  const first = joinPath(directory, machineFiles.config);
  // Lists ask for thousands of these paths; the first one shows how they are joined.
  const prefix = first.slice(0, -machineFiles.config.length);
  return Object.fromEntries(entries.map(([key, name]) => [key, prefix + name])) as MachinePaths;
}
