/** How old something is, roughly, for people: `45s`, `12m`, `5h`, `3d`. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  for (const [unit, size, below] of [
    ['s', 1, 120],
    ['m', 60, 7_200],
    ['h', 3_600, 172_800],
  ] as const) {
    if (seconds < below) {
      return `${Math.floor(seconds / size)}${unit}`;
    }
  }
  return `${Math.floor(seconds / 86_400)}d`;
}
