import {
  compareVersions,
  type GatewayVersion,
  parseVersion,
  parseVersionTag,
  refreshTag,
  type VersionTag,
} from '../gateway/version.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import { requestError } from '../problem.ts';
import { splitVariantTag, type Variant, variantTag } from '../spec/variant.ts';
import { CHANNELS, type ChannelDecision, isWithdrawn, withdrawnReason } from './channel-decision.ts';
import type { Release } from './release.ts';

/** The state of a tag in a registry. */
export interface PublishedTag {
  /** undefined: the tag exists, but was not read. */
  readonly digest: string | undefined;
  /** Its annotation org.opencontainers.image.version, if it was read. */
  readonly version?: string | undefined;
  /** Its annotation org.opencontainers.image.created (ISO 8601), if it was read. */
  readonly created?: string | undefined;
}

/** Tags by name. */
export type RegistryState = Readonly<Record<string, PublishedTag>>;

/** The digests of a variant that was built. */
export interface BuiltDigests {
  readonly index: string;
  /** Digests of the single-platform indexes. */
  readonly platforms: Readonly<Partial<Record<Platform, string>>>;
}

/** Inputs of a plan besides the release. */
export interface PlanState {
  /** By repository; undefined: plan as if all registries were empty. */
  readonly published?: Readonly<Record<string, RegistryState>> | undefined;
  /** Digests of the images, by variant; undefined before they are built. */
  readonly digests?: Readonly<Partial<Record<Variant, BuiltDigests>>> | undefined;
  /** Time of the sources, ISO 8601; undefined before it is known. */
  readonly created?: string | undefined;
  /** Commit of the sources; undefined before it is known. */
  readonly revision?: string | undefined;
  /** The decision about the channel of the release, if there is one. */
  readonly decision?: ChannelDecision | undefined;
}

/**
 * The action for a tag. `check`: the tag exists, and must turn out to be the image that is built; `done`: it is that image;
 * `conflict`: it is another image, which stops the release before anything is written.
 */
export type TagAction = 'create' | 'move' | 'keep' | 'check' | 'done' | 'conflict';

export interface PlannedTag {
  readonly registry: string;
  readonly tag: string;
  readonly variant: Variant;
  /** A version tag never changes; a channel moves. */
  readonly kind: 'version' | 'channel';
  /** Set if the tag names the index of one platform. */
  readonly platform: Platform | undefined;
  readonly action: TagAction;
  /** Current digest; undefined if the tag does not exist. */
  readonly now: string | undefined;
  /** The reason for the action. */
  readonly why: string;
}

export interface ReleasePlan extends Pick<Release, 'ref' | 'event'> {
  /** undefined for the branch and for a pull request. */
  readonly version: string | undefined;
  /** In the order in which they are written: versions first, channels last. */
  readonly tags: readonly PlannedTag[];
}

/**
 * Plans the tags of a release. Pure. The rules are in docs/reference.md, "Versions and tags".
 *
 * @throws RequestError for a refresh of a version that was never published
 */
export function planRelease(release: Release, state: PlanState = {}): ReleasePlan {
  const { ref, event, version, registries, variants, platforms, platformTags } = release;
  refuseUnpublished(release, state);
  const tags = wantedTags(release, state).flatMap(({ kind, name, why, keepReason }) =>
    registries.flatMap((registry) =>
      variants.flatMap((variant) =>
        [undefined, ...platforms].flatMap((platform): readonly PlannedTag[] => {
          const tag = `${variantTag(name, variant)}${platform === undefined ? '' : architectureSuffix(platform)}`;
          const published = state.published?.[registry]?.[tag];
          // One that exists moves on, because it would name an old release.
          const isWanted = platform === undefined || platformTags || (kind === 'channel' && published !== undefined);
          if (!isWanted) return [];
          const digests = state.digests?.[variant];
          const built = platform === undefined ? digests?.index : digests?.platforms[platform];
          const decision = keepReason?.(release, state, variant) ?? decide(kind, published, built);
          return [{ registry, tag, variant, kind, platform, now: published?.digest, why, ...decision }];
        }),
      ),
    ),
  );
  return { ref, event, version: version?.text, tags };
}

type Decision = Pick<PlannedTag, 'action'> & Partial<Pick<PlannedTag, 'why'>>;

/** A tag that every registry, variant and platform gets, with its suffixes. */
interface WantedTag {
  readonly kind: PlannedTag['kind'];
  readonly name: string;
  readonly why: string;
  /** Why the channel of a variant must not move; undefined if it may. */
  readonly keepReason?: (release: Release, state: PlanState, variant: Variant) => Decision | undefined;
}

function wantedTags(release: Release, state: PlanState): readonly WantedTag[] {
  const { kind, name, version } = release;
  if (version !== undefined) return versionTags(release, version);
  if (kind === 'preview') return previewTags(release, state);
  // One of each day: the images that are built on it name it by digest.
  return kind === 'base' ? [{ kind: 'version', name, why: 'is new' }] : [MAIN];
}

const MAIN: WantedTag = { kind: 'channel', name: 'main', why: 'follows the branch', keepReason: mainKeepReason };

/** `main` never moves to an older commit: a slow build of an older commit may end after a newer one. */
function mainKeepReason(_: Release, { published, created }: PlanState): Decision | undefined {
  if (created === undefined) return undefined;
  const [newer] = Object.values(published ?? {}).flatMap(({ main }) =>
    main?.created !== undefined && Date.parse(main.created) > Date.parse(created) ? [main.created] : [],
  );
  return newer === undefined ? undefined : { action: 'keep', why: `names a newer commit, of ${newer}` };
}

/** Tags of a pull request: its own, and that of its commit. Another build of either replaces it. */
function previewTags({ name }: Release, { revision }: PlanState): readonly WantedTag[] {
  const pullRequest: WantedTag = { kind: 'channel', name, why: 'follows the pull request' };
  if (revision === undefined) return [pullRequest];
  const commit: WantedTag = { kind: 'channel', name: `sha-${revision.slice(0, SHORT_COMMIT)}`, why: 'is the commit' };
  return [commit, pullRequest];
}

/** As GitHub abbreviates commits. */
const SHORT_COMMIT = 7;
const PREVIEW_TAG = new RegExp(`^(?:pr-[1-9]\\d*|sha-[0-9a-f]{${SHORT_COMMIT}})$`);

/** Whether a tag is that of a pull request or of its commit, with any variant and platform: `pr-12-slim-arm64`. */
export const isPreviewTag = (tag: string): boolean => PREVIEW_TAG.test(splitVariantTag(withoutArchitecture(tag)).name);

function versionTags({ event, date }: Release, version: GatewayVersion): readonly WantedTag[] {
  const versionTag: WantedTag =
    event === 'refresh'
      ? { kind: 'version', name: refreshTag(version, date), why: `${version.text} on a newer base` }
      : { kind: 'version', name: version.text, why: event === 'backfill' ? 'was never published' : 'is new' };
  // A prerelease never moves a channel, and a backfill writes only its version tag.
  const { kind } = version;
  if (kind === 'prerelease' || event === 'backfill') return [versionTag];
  const channel = CHANNELS[kind];
  const why = `${version.text} is the newest release${kind === 'stable' ? '' : ` of ${channel}`}`;
  const keepReason: WantedTag['keepReason'] = (release, state, variant) =>
    channelKeepReason(release, { ...version, kind }, state, variant);
  return [versionTag, { kind: 'channel', name: channel, why, keepReason }];
}

/**
 * A channel never moves to an older version, on any registry: newer releases on one registry count for all. Withdrawn releases do not
 * count, and do not move it.
 */
function channelKeepReason(
  { name: own }: Release,
  version: GatewayVersion & { readonly kind: keyof typeof CHANNELS },
  { published, decision }: PlanState,
  variant: Variant,
): Decision | undefined {
  if (decision !== undefined && isWithdrawn(decision, own)) return { action: 'keep', why: withdrawnReason(decision) };
  const channel = variantTag(CHANNELS[version.kind], variant);
  const known: GatewayVersion[] = [];
  for (const [registry, tags] of Object.entries(published ?? {})) {
    const latest = tags[channel];
    if (latest === undefined) continue;
    const current = versionOf(latest, tags);
    if (current === undefined)
      return {
        action: 'conflict',
        why: `cannot be compared: no version tag on ${registry} has the digest of ${channel}`,
      };
    known.push(current);
  }
  const newer = newerReleases(own, published, variant).filter((name) => !isWithdrawn(decision, name));
  const versions = [...newer.flatMap((name) => parseVersionTag(name)?.version ?? []), ...known]
    .filter((other) => other.kind === version.kind && compareVersions(other, version) > 0)
    .filter(({ text }) => !isWithdrawn(decision, text))
    .sort(compareVersions);
  const newest = versions.at(-1);
  if (newest !== undefined) return { action: 'keep', why: `${newest.text} is newer` };
  // Only the newest refresh of a version is latest. The original build is older than each refresh.
  const later = newer.at(-1);
  return later === undefined ? undefined : { action: 'keep', why: `${later} has a newer base` };
}

/**
 * The releases of the same line that are newer than a release, from the tags of all registries; sorted, the newest last.
 *
 * @param own name of the release: `2026.9.5`, `2026.9.5-r20260401`
 * @param variant of the tags to look at; undefined for all
 */
export function newerReleases(
  own: string,
  published: PlanState['published'],
  variant?: Variant | undefined,
): readonly string[] {
  const release = parseVersionTag(own);
  if (release === undefined) return [];
  const names = Object.values(published ?? {}).flatMap((tags) =>
    Object.keys(tags).flatMap((tag) => {
      const { name, variant: of } = splitVariantTag(withoutArchitecture(tag));
      return variant === undefined || of === variant ? [name] : [];
    }),
  );
  return [...new Set(names)]
    .flatMap((name) => {
      const parsed = parseVersionTag(name);
      return parsed?.version.kind === release.version.kind ? [{ name, ...parsed }] : [];
    })
    .sort(compareReleases)
    .filter((other) => compareReleases(other, release) > 0)
    .map(({ name }) => name);
}

/** By version, then by the date of a refresh. The original is older than its refreshes. */
const compareReleases = (one: VersionTag, other: VersionTag): number =>
  compareVersions(one.version, other.version) || compareText(one.refreshed ?? '', other.refreshed ?? '');

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

const architectureSuffix = (platform: Platform): string => `-${ARCHITECTURE_NAMES[platform].debian}`;
const SUFFIXES = (Object.keys(ARCHITECTURE_NAMES) as Platform[]).map(architectureSuffix);

/** `latest-arm64` → `latest`. */
export function withoutArchitecture(tag: string): string {
  const suffix = SUFFIXES.find((ending) => tag.endsWith(ending));
  return suffix === undefined ? tag : tag.slice(0, -suffix.length);
}

/** The version of a moving tag: from its annotation, else from the version tag with the same digest. */
function versionOf({ digest, version }: PublishedTag, tags: RegistryState): GatewayVersion | undefined {
  const annotated = version === undefined ? undefined : parseVersion(version);
  if (annotated !== undefined || digest === undefined) return annotated;
  const names = Object.entries(tags).flatMap(([name, tag]) => (tag.digest === digest ? [name] : []));
  return names.flatMap((name) => parseVersionTag(splitVariantTag(name).name)?.version ?? [])[0];
}

function decide(kind: PlannedTag['kind'], published: PublishedTag | undefined, built: string | undefined): Decision {
  if (published === undefined) return { action: 'create' };
  if (built !== undefined && published.digest === built) return { action: 'done', why: 'exists with this image' };
  if (kind === 'channel') return { action: 'move' };
  return built === undefined
    ? { action: 'check', why: 'exists: a version never changes, so the image must be identical' }
    : { action: 'conflict', why: 'exists with other contents, and a version never changes' };
}

function refuseUnpublished({ event, version, registries, variants }: Release, { published }: PlanState): void {
  const [first = ''] = registries;
  const tags = published?.[first];
  if (event !== 'refresh' || version === undefined || tags === undefined) return;
  if (variants.some((variant) => tags[variantTag(version.text, variant)] !== undefined)) return;
  const hint = `publish it first: --event ${version.kind === 'prerelease' ? 'push' : 'backfill'}`;
  throw requestError('--event', event, `cannot refresh ${version.text}, which was never published to ${first}`, hint);
}
