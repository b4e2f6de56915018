import { joinPath, machineFiles } from '../store/paths.ts';

/** Absolute paths of a machine's files, by what they are. */
export type MachinePaths = Readonly<Record<keyof typeof machineFiles, string>>;

/** The files in a machine's directory, whether they exist or not. */
export function machinePaths(directory: string): MachinePaths {
  const entries = Object.entries(machineFiles).map(([key, name]) => [key, joinPath(directory, name)]);
  return Object.fromEntries(entries) as MachinePaths;
}
