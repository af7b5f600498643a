/** Bytes for people, in decimal units: `224 MB`. */
export const bytes = (count: number): string => {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
};

/** Seconds for people: `48.2 s`, `2 min 5 s`. */
export const seconds = (count: number): string =>
  count < 100 ? `${count.toFixed(1)} s` : `${Math.floor(count / 60)} min ${Math.round(count % 60)} s`;

/** Reads a duration of Compose: `1m30s` → 90. Milliseconds do not count. */
export const secondsOf = (duration: string): number =>
  [...duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * ({ h: 3600, m: 60, s: 1, ms: 0 }[unit ?? 's'] ?? 0),
    0,
  );
