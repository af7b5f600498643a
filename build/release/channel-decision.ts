import { parseVersionTag } from '../gateway/version.ts';

/** The channel of each line of releases. A release never moves the channel of another line, whatever their numbers compare to. */
export const CHANNELS = { stable: 'latest', 'extended-stable': 'extended-stable' } as const;
export type Channel = (typeof CHANNELS)[keyof typeof CHANNELS];
export const CHANNEL_NAMES: readonly Channel[] = Object.values(CHANNELS);

export const isChannel = (text: string): text is Channel => CHANNEL_NAMES.some((name) => name === text);

/**
 * A person's decision that a channel names a certain release: the way back from a bad one. Stored as an artifact in every repository.
 * It lasts until a release that is newer than the withdrawn ones, or until the next decision.
 */
export interface ChannelDecision {
  readonly channel: Channel;
  /** The release that the channel names: `2026.9.5`, `2026.9.5-r20260401`. */
  readonly release: string;
  /** Releases that were newer when this was decided: `2026.9.6`, which stands for its refreshes too. The channel does not go back to them. */
  readonly withdrawn: readonly string[];
  readonly reason: string;
  /** ISO 8601. */
  readonly decided: string;
  /** For people: `someone@host`, or the URL of a workflow run. */
  readonly by: string;
}

/** The channel of a release; undefined for the branch main, and for a prerelease, which belongs to no channel. @param name `2026.9.5` */
export function channelOf(name: string): Channel | undefined {
  const kind = parseVersionTag(name)?.version.kind;
  return kind === undefined || kind === 'prerelease' ? undefined : CHANNELS[kind];
}

/** Whether a decision took a release back, or the version that it refreshes. */
export const isWithdrawn = (decision: ChannelDecision | undefined, name: string): boolean => {
  const version = parseVersionTag(name)?.version.text;
  return decision?.withdrawn.some((taken) => taken === name || taken === version) === true;
};

/** Whether a refresh is one of a version in the list, which stands for its refreshes too. */
export const isRefreshOf = (name: string, versions: readonly string[]): boolean => {
  const version = parseVersionTag(name)?.version.text;
  return version !== undefined && version !== name && versions.includes(version);
};

/** Why a channel does not name a withdrawn release. */
export const withdrawnReason = ({ release, decided, reason }: ChannelDecision): string =>
  `${release} was chosen instead on ${decided.slice(0, 10)}: ${reason}`;

/** The longest reason, in characters. It is shown in tables. */
export const LONGEST_REASON = 300;
