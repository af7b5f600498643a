import { compareVersions, type GatewayVersion, parseVersion, refreshTag } from '../gateway/version.ts';
import { MACHINES, type Platform } from '../oci/platform.ts';
import { type Problem, RequestError } from '../problem.ts';
import { type Variant, variantTag } from '../spec/variant.ts';
import { parseReleaseRef, type ReleaseRef } from './release-ref.ts';

/** Reason for a release: a new commit or tag; the first publication of an old tag; the same release on a newer base. */
export const RELEASE_EVENTS = ['push', 'backfill', 'refresh'] as const;
export type ReleaseEvent = (typeof RELEASE_EVENTS)[number];

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

export interface ReleaseRequest {
  readonly ref: string;
  readonly event: ReleaseEvent;
  readonly variants: readonly Variant[];
  readonly platforms: readonly Platform[];
  /** Repositories, the first of which is built for; the others get copies: `ghcr.io/openclaw/openclaw`. */
  readonly registries: readonly string[];
  /** By repository; undefined plans as if all were empty. */
  readonly published: Readonly<Record<string, RegistryState>> | undefined;
  /** Of what was built, by variant; undefined before it is. */
  readonly digests?: Readonly<Partial<Record<Variant, BuiltDigests>>>;
  /** `20260401`. */
  readonly date: string;
  /** When what is released became what it is, ISO 8601; undefined before that is known. */
  readonly created?: string | undefined;
}

/**
 * What happens to a tag. `check`: the tag exists, and must turn out to be the image that is built; `done`: it is that image;
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
  readonly why: string;
}

export interface ReleasePlan {
  readonly ref: string;
  readonly event: ReleaseEvent;
  /** undefined for the branch. */
  readonly version: string | undefined;
  /** In the order in which they are written: versions first, channels last. */
  readonly tags: readonly PlannedTag[];
}

/**
 * Plans the tags of a release. Pure. The rules are in docs/reference.md, "Versions and tags".
 *
 * @throws RequestError for a ref that cannot be released, or an event that does not fit the ref
 */
export function planRelease(request: ReleaseRequest): ReleasePlan {
  const { ref, event, registries, variants, platforms } = request;
  const parsed = parseReleaseRef(ref);
  const problems = problemsOf(request, parsed);
  if (parsed === undefined || problems.length > 0) throw new RequestError(problems);
  const wanted = parsed.kind === 'branch' ? branchTags(request) : versionTags(request, parsed.version);
  const tags = wanted.flatMap(({ kind, name, why, held }) =>
    registries.flatMap((registry) =>
      variants.flatMap((variant) =>
        [undefined, ...platforms].map((platform): PlannedTag => {
          const tag = `${variantTag(name, variant)}${platform === undefined ? '' : `-${MACHINES[platform].debian}`}`;
          const found = request.published?.[registry]?.[tag];
          const digests = request.digests?.[variant];
          const built = platform === undefined ? digests?.index : digests?.platforms[platform];
          const decided = held?.(variant) ?? decide(kind, found, built);
          return { registry, tag, variant, kind, platform, now: found?.digest, why, ...decided };
        }),
      ),
    ),
  );
  return { ref, event, version: parsed.kind === 'branch' ? undefined : parsed.version.text, tags };
}

type Decision = Pick<PlannedTag, 'action'> & Partial<Pick<PlannedTag, 'why'>>;

/** A tag that every registry, variant and platform gets, with its suffixes. */
interface WantedTag {
  readonly kind: PlannedTag['kind'];
  readonly name: string;
  readonly why: string;
  /** Returns the reason why the channel of a variant must not move; undefined if it may. */
  readonly held?: (variant: Variant) => Decision | undefined;
}

const branchTags = (request: ReleaseRequest): readonly WantedTag[] => [
  { kind: 'channel', name: 'main', why: 'follows the branch', held: () => holdMain(request) },
];

/** `main` never moves to an older commit: a slow build of an older commit may end after a newer one. */
function holdMain({ published, created }: ReleaseRequest): Decision | undefined {
  if (created === undefined) return undefined;
  const newer = Object.values(published ?? {}).flatMap(({ main }) =>
    main?.created !== undefined && Date.parse(main.created) > Date.parse(created) ? [main.created] : [],
  );
  return newer[0] === undefined ? undefined : { action: 'keep', why: `is at a newer commit, of ${newer[0]}` };
}

function versionTags(request: ReleaseRequest, version: GatewayVersion): readonly WantedTag[] {
  const { event, date } = request;
  const versionTag: WantedTag =
    event === 'refresh'
      ? { kind: 'version', name: refreshTag(version, date), why: `${version.text} on a newer base` }
      : { kind: 'version', name: version.text, why: event === 'backfill' ? 'was never published' : 'is new' };
  // A prerelease never moves a channel, and a backfill writes only its version tag.
  if (version.kind === 'prerelease' || event === 'backfill') return [versionTag];
  const why = `${version.text} is the newest release`;
  return [
    versionTag,
    { kind: 'channel', name: 'latest', why, held: (variant) => holdLatest(request, version, variant) },
  ];
}

/** `latest` never moves to an older version, on any registry: newer releases on one registry count for all. */
function holdLatest(
  { published, event, date }: ReleaseRequest,
  version: GatewayVersion,
  variant: Variant,
): Decision | undefined {
  const channel = variantTag('latest', variant);
  const known: GatewayVersion[] = [];
  const refreshes: string[] = [];
  for (const [registry, tags] of Object.entries(published ?? {})) {
    const names = Object.keys(tags).flatMap((tag) => plainTag(tag, variant) ?? []);
    known.push(...names.flatMap((name) => parseVersion(name.replace(REFRESH, '')) ?? []));
    refreshes.push(...names.filter((name) => name.replace(REFRESH, '') === version.text && REFRESH.test(name)));
    const latest = tags[channel];
    if (latest === undefined) continue;
    const current = versionOf(latest, tags);
    if (current === undefined)
      return { action: 'conflict', why: `cannot be compared: no version tag on ${registry} has the digest of ${channel}` };
    known.push(current);
  }
  const newer = known
    .filter((other) => other.kind === 'stable' && compareVersions(other, version) > 0)
    .sort(compareVersions)
    .at(-1);
  if (newer !== undefined) return { action: 'keep', why: `${newer.text} is newer` };
  // Of the refreshes of one version only the newest is latest. The original build is older than each refresh.
  const own = event === 'refresh' ? refreshTag(version, date) : version.text;
  const later = refreshes
    .filter((name) => name > own)
    .sort()
    .at(-1);
  return later === undefined ? undefined : { action: 'keep', why: `${later} has a newer base` };
}

const REFRESH = /-r\d{8}$/;

/** A tag without its variant and architecture suffixes; undefined for tags of other variants. */
function plainTag(tag: string, variant: Variant): string | undefined {
  const [, plain = '', suffix = 'default'] = /^(.*?)(?:-(slim|browser))?(?:-(?:amd64|arm64))?$/.exec(tag) ?? [];
  return suffix === variant ? plain : undefined;
}

/** The version of a moving tag: from its annotation, else from the version tag with the same digest. */
function versionOf({ digest, version }: PublishedTag, tags: RegistryState): GatewayVersion | undefined {
  const said = version === undefined ? undefined : parseVersion(version);
  if (said !== undefined) return said;
  const names = Object.entries(tags).filter(([, tag]) => digest !== undefined && tag.digest === digest);
  return names.flatMap(([name]) => parseVersion(name.replace(/-(?:slim|browser)$/, '').replace(REFRESH, '')) ?? [])[0];
}

function decide(kind: PlannedTag['kind'], found: PublishedTag | undefined, built: string | undefined): Decision {
  if (found === undefined) return { action: 'create' };
  if (built !== undefined && found.digest === built) return { action: 'done', why: 'exists with this image' };
  if (kind === 'channel') return { action: 'move' };
  return built === undefined
    ? { action: 'check', why: 'exists: a version never changes, so the image must be identical' }
    : { action: 'conflict', why: 'exists with other contents, and a version never changes' };
}

function problemsOf({ ref, event, registries, published }: ReleaseRequest, parsed: ReleaseRef | undefined): Problem[] {
  const problems: Problem[] = [];
  if (parsed === undefined) {
    problems.push({
      source: '--ref',
      value: ref,
      reason: 'cannot be released: it is not the branch main or the tag of a version',
      wayOut: 'give refs/heads/main, or a version tag such as refs/tags/v2026.3.13, refs/tags/v2026.3.13-1 or refs/tags/v2026.3.13-beta.1',
    });
    return problems;
  }
  if (registries.length === 0) {
    const wayOut = 'for example: --registries ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw';
    problems.push({ source: '--registries', value: '', reason: 'is empty', wayOut });
  }
  if (parsed.kind === 'branch') {
    if (event !== 'push') {
      const reason = `needs a version, but ${ref} is a branch`;
      problems.push({
        source: '--event',
        value: event,
        reason,
        wayOut: 'give the ref of a version: refs/tags/v2026.3.13',
      });
    }
    return problems;
  }
  const { version } = parsed;
  const first = published?.[registries[0] ?? ''];
  if (event === 'refresh' && first !== undefined && first[version.text] === undefined) {
    problems.push({
      source: '--event',
      value: event,
      reason: `cannot refresh ${version.text}, which was never published to ${registries[0]}`,
      wayOut: `publish it first: --event ${version.kind === 'stable' ? 'backfill' : 'push'}`,
    });
  }
  return problems;
}
