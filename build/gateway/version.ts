import { compare } from 'semver';

/**
 * A gateway version: a date, optionally with the number of a correction, or a month and a number from 33 on; both optionally with a
 * prerelease suffix.
 * Source: docs/reference.md, "Versions and tags".
 */
export interface GatewayVersion {
  /** As in the package: `2026.3.13-1`. */
  readonly text: string;
  /** `2026.3.13`; of an extended-stable release its month and number: `2026.6.33`. */
  readonly date: string;
  readonly kind: 'stable' | 'extended-stable' | 'prerelease';
  /** 0 for the original release. */
  readonly correction: number;
}

/**
 * Numbers up to 31 are days. From 33 on they count the releases of the extended-stable line of a month: `2026.6.33`. That line has no
 * corrections: the next number corrects.
 */
const EXTENDED = '(?:3[3-9]|[4-9]\\d|[1-9]\\d{2,5})';
const VERSION = new RegExp(
  `^(\\d{4}\\.(?:[1-9]|1[0-2])\\.(?:[1-9]|[12]\\d|3[01]|${EXTENDED}))(?:-(?:([1-9]\\d*)|(?:alpha|beta|rc)\\.(?:0|[1-9]\\d*)))?$`,
);
const IS_EXTENDED = new RegExp(`\\.${EXTENDED}$`);

/** @returns undefined for a text that is not a gateway version */
export function parseVersion(text: string): GatewayVersion | undefined {
  const match = VERSION.exec(text);
  if (match === null) return undefined;
  const [, date = '', correction] = match;
  const released = IS_EXTENDED.test(date) ? 'extended-stable' : 'stable';
  if (released === 'extended-stable' && correction !== undefined) return undefined;
  const kind = text === date || correction !== undefined ? released : 'prerelease';
  return { text, date, kind, correction: Number(correction ?? 0) };
}

/**
 * Sorts older versions first. Semantic versioning orders dates, and prereleases among themselves. It treats a correction
 * (`2026.3.13-1`) as a prerelease, so corrections are compared separately: they are newer.
 */
export function compareVersions(one: GatewayVersion, other: GatewayVersion): number {
  const byDate = compare(one.date, other.date);
  if (byDate !== 0) return byDate;
  if (one.kind !== other.kind) return one.kind === 'prerelease' ? -1 : 1;
  return one.kind === 'prerelease' ? compare(one.text, other.text) : one.correction - other.correction;
}

/** @param date `20260401` */
export const refreshTag = ({ text }: GatewayVersion, date: string): string => `${text}-r${date}`;

/** A version tag: the version, and the date if it is a refresh. */
export interface VersionTag {
  readonly version: GatewayVersion;
  /** `20260401`; undefined for the original release. */
  readonly refreshed: string | undefined;
}

/** `2026.3.13-1-r20260401` → version and date. @returns undefined for a tag that does not name a version */
export function parseVersionTag(tag: string): VersionTag | undefined {
  const [, name = '', refreshed] = /^(.*?)(?:-r(\d{8}))?$/.exec(tag) ?? [];
  const version = parseVersion(name);
  return version === undefined ? undefined : { version, refreshed };
}
