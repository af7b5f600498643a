import { isFailed } from '../check-result.ts';
import { isAttestation, platformOf } from '../oci/descriptor.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { VARIANTS } from '../spec/variant.ts';
import { isWithdrawn } from './channel-decision.ts';
import { type PlannedTag, planRelease } from './plan-release.ts';
import { type PublishedImage, publishedChecks, readPublishedImage } from './published-checks.ts';
import { readAllPublished } from './read-published.ts';
import { asPush, type RecordedTag, type ReleaseRecord, recordedRelease } from './release-record.ts';
import { channelVariants, digestOfTag } from './release-tags.ts';
import { decisionAbout } from './stored-decision.ts';
import type { SignatureCheck } from './trusted-record.ts';

/** `moved on`: a newer release has taken this channel, as it should. `decided`: a person has chosen another release for it. */
export type TagState =
  | 'ok'
  | 'moved on'
  | 'decided'
  | 'missing'
  | 'wrong digest'
  | 'missing platform'
  | 'stale mirror'
  | 'broken';

export interface TagStatus extends RecordedTag {
  readonly state: TagState;
  /** Current digest; undefined if the tag does not exist. */
  readonly now: string | undefined;
  readonly why: string;
}

/** Whether a tag differs from its record without a newer release as the reason. */
export const isDrift = ({ state }: Pick<TagStatus, 'state'>): boolean => !['ok', 'moved on', 'decided'].includes(state);

/** The command that repairs the tags of a release. */
export const repairCommand = ({ name, registries }: Pick<ReleaseRecord, 'name' | 'registries'>): string =>
  `scripts/run release repair --release ${name} --registries ${registries.join(',')}`;

/** The part of a record about the requested registries. Others are left alone. */
export const restrictedTo = (record: ReleaseRecord, registries: readonly string[]): ReleaseRecord => ({
  ...record,
  registries: record.registries.filter((name) => registries.includes(name)),
  tags: record.tags.filter(({ registry }) => registries.includes(registry)),
});

/**
 * Compares every tag of a release, on every registry, with the record.
 *
 * @param check whose signatures make a decision about a channel count
 * @throws WorkError if a registry cannot be read
 */
export async function releaseStatus(
  record: ReleaseRecord,
  registry: Registry,
  check: SignatureCheck | undefined,
): Promise<readonly TagStatus[]> {
  const images = new Map<string, Promise<PublishedImage | 'broken' | undefined>>();
  const readImage = (name: string, digest: string): Promise<PublishedImage | 'broken' | undefined> => {
    const key = `${name}@${digest}`;
    const known = images.get(key) ?? readPublishedImage(registry, parseReference(name), digest).catch(brokenOrThrow);
    images.set(key, known);
    return known;
  };
  const decision = await decisionAbout(recordedRelease(record), registry, check);
  const isChosen = decision?.release === record.name;
  const own = isChosen ? asPush(record) : recordedRelease(record);
  const published = await readAllPublished(isChosen ? { ...own, variants: VARIANTS } : own, registry, () => {});
  const release = isChosen ? { ...own, variants: channelVariants(decision.channel, record, published) } : own;
  // A channel that the rules would not move has been taken by a newer release.
  const { tags: planned } = planRelease(release, { published, created: record.created, decision });
  const nowOf = (name: string, tag: string): string | undefined => published[name]?.[tag]?.digest;
  const expected = isChosen ? withChannel(record, planned) : record.tags;
  return Promise.all(
    expected.map(async (recorded): Promise<TagStatus> => {
      const { registry: name, tag, kind, digest } = recorded;
      const now = nowOf(name, tag);
      const kept = planned.find((plan) => plan.registry === name && plan.tag === tag && plan.action === 'keep');
      const judge = async (): Promise<Pick<TagStatus, 'state' | 'why'>> => {
        if (now === digest) {
          const found = completeness(record, recorded, await readImage(name, digest));
          return isChosen && kind === 'channel' && found.state === 'ok'
            ? { ...found, why: `was chosen on ${decision.decided.slice(0, 10)}: ${decision.reason}` }
            : found;
        }
        if (kind === 'channel' && kept !== undefined)
          return { state: isWithdrawn(decision, record.name) ? 'decided' : 'moved on', why: kept.why };
        if (now === undefined) return { state: 'missing', why: 'the tag does not exist' };
        const version = published[name]?.[tag]?.version;
        const why = version === undefined ? 'is another image' : `is ${version}`;
        const [first = ''] = record.registries;
        // If the first registry has the right image, this mirror is outdated.
        return name !== first && nowOf(first, tag) === digest
          ? { state: 'stale mirror', why: `${why}, but ${first} has the released image` }
          : { state: 'wrong digest', why };
      };
      return { ...recorded, now, ...(await judge()) };
    }),
  );
}

/** The tags of a release that a decision chose: its record may lack the channel, which it did not move when it was published. */
const withChannel = (record: ReleaseRecord, planned: readonly PlannedTag[]): readonly RecordedTag[] => [
  ...record.tags,
  ...planned.flatMap((plan): readonly RecordedTag[] => {
    const { registry, tag, kind } = plan;
    const isRecorded = record.tags.some((of) => of.registry === registry && of.tag === tag);
    return kind === 'version' || isRecorded ? [] : [{ registry, tag, kind, digest: digestOfTag(plan, record.images) }];
  }),
];

/** Missing content is reported as the state of the tag. It must not end the comparison. */
function brokenOrThrow(error: unknown): 'broken' {
  if (error instanceof WorkError && error.failure.kind === 'not-found') return 'broken';
  throw error;
}

function completeness(
  record: ReleaseRecord,
  { digest }: RecordedTag,
  image: PublishedImage | 'broken' | undefined,
): Pick<TagStatus, 'state' | 'why'> {
  if (image === undefined) return { state: 'missing', why: 'the index is missing' };
  if (image === 'broken') return { state: 'broken', why: 'a manifest, config or attestation is missing' };
  const released = Object.values(record.images);
  const [single] = released
    .flatMap(({ platforms }) => Object.entries(platforms))
    .find(([, index]) => index.digest === digest) ?? [undefined];
  const required = single === undefined ? record.platforms : record.platforms.filter((platform) => platform === single);
  const existing = image.index.manifests.filter((entry) => !isAttestation(entry)).map(platformOf);
  const absent = required.filter((platform) => !existing.includes(platform));
  if (absent.length > 0) return { state: 'missing platform', why: `has no ${absent.join(', ')}` };
  const failed = publishedChecks(image, required).filter(isFailed);
  return failed.length === 0
    ? { state: 'ok', why: '' }
    : { state: 'broken', why: failed.map(({ name, found }) => `${name}: ${found}`).join('; ') };
}
