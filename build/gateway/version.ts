import { compare } from 'semver';

/**
 * A version of the gateway: a date, with a number for a correction of that day's release, or with the words of a prerelease.
 * Source: reference.md, section 9.
 */
export interface GatewayVersion {
  /** As the package has it: `2026.3.13-1`. */
  readonly text: string;
  /** `2026.3.13`. */
  readonly date: string;
  readonly kind: 'stable' | 'prerelease';
  /** 0 for the first release of that day. */
  readonly correction: number;
}

const VERSION =
  /^(\d{4}\.(?:[1-9]|1[0-2])\.(?:[1-9]|[12]\d|3[01]))(?:-(?:([1-9]\d*)|(?:alpha|beta|rc)\.(?:0|[1-9]\d*)))?$/;

/** @returns undefined for a text that is no version of the gateway */
export function parseVersion(text: string): GatewayVersion | undefined {
  const found = VERSION.exec(text);
  if (found === null) return undefined;
  const [, date = '', correction] = found;
  const kind = text === date || correction !== undefined ? 'stable' : 'prerelease';
  return { text, date, kind, correction: Number(correction ?? 0) };
}

/**
 * Older first. Semantic versioning orders dates, and prereleases among themselves; it takes a correction (`2026.3.13-1`) for
 * a prerelease of what it corrects, so corrections are compared as what they are: newer.
 */
export function compareVersions(one: GatewayVersion, other: GatewayVersion): number {
  const byDate = compare(one.date, other.date);
  if (byDate !== 0) return byDate;
  if (one.kind !== other.kind) return one.kind === 'prerelease' ? -1 : 1;
  return one.kind === 'prerelease' ? compare(one.text, other.text) : one.correction - other.correction;
}

/** @param date `20260401` */
export const refreshTag = ({ text }: GatewayVersion, date: string): string => `${text}-r${date}`;
