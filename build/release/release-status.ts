import { isAttestation, platformOf } from '../oci/descriptor.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { planRelease } from './plan-release.ts';
import { type PublishedImage, publishedChecks, readPublishedImage } from './published-checks.ts';
import { readAllPublished } from './read-published.ts';
import type { RecordedTag, ReleaseRecord } from './release-record.ts';

/** `moved on`: a channel that a newer release has taken, as it should. */
export type TagState = 'ok' | 'moved on' | 'missing' | 'wrong digest' | 'missing platform' | 'stale mirror' | 'broken';

export interface TagStatus extends RecordedTag {
  readonly state: TagState;
  /** Digest now; undefined where there is none. */
  readonly now: string | undefined;
  readonly why: string;
}

/** What is neither as recorded nor as it should have become. */
export const isDrift = ({ state }: Pick<TagStatus, 'state'>): boolean => state !== 'ok' && state !== 'moved on';

/**
 * Compares every tag of a release, on every registry, with its record.
 *
 * @throws WorkError where a registry cannot be read
 */
export async function releaseStatus(record: ReleaseRecord, registry: Registry): Promise<readonly TagStatus[]> {
  const images = new Map<string, Promise<PublishedImage | 'broken' | undefined>>();
  const readImage = (name: string, digest: string): Promise<PublishedImage | 'broken' | undefined> => {
    const key = `${name}@${digest}`;
    const known = images.get(key) ?? readPublishedImage(registry, parseReference(name), digest).catch(brokenOrThrow);
    images.set(key, known);
    return known;
  };
  const published = await readAllPublished(record, registry, () => {});
  // What the rules would do now: a channel that they would leave alone has moved on as it should.
  const { tags: planned } = planRelease({ ...record, published });
  const nowOf = (name: string, tag: string): string | undefined => published[name]?.[tag]?.digest;
  return Promise.all(
    record.tags.map(async (one): Promise<TagStatus> => {
      const { registry: name, tag, kind, digest } = one;
      const now = nowOf(name, tag);
      const held = planned.find((plan) => plan.registry === name && plan.tag === tag && plan.action === 'keep');
      const told = async (): Promise<Pick<TagStatus, 'state' | 'why'>> => {
        if (now === digest) return completeness(record, one, await readImage(name, digest));
        if (kind === 'channel' && held !== undefined) return { state: 'moved on', why: held.why };
        if (now === undefined) return { state: 'missing', why: 'there is no such tag' };
        const is = published[name]?.[tag]?.version;
        const why = is === undefined ? 'is something else' : `is ${is}`;
        const [first = ''] = record.registries;
        // Where the first registry has what it should, the mirror is behind.
        return name !== first && nowOf(first, tag) === digest
          ? { state: 'stale mirror', why: `${why}, and ${first} has what was released` }
          : { state: 'wrong digest', why };
      };
      return { ...one, now, ...(await told()) };
    }),
  );
}

/** A part that is gone is a finding, not the end of the comparison. */
function brokenOrThrow(error: unknown): 'broken' {
  if (error instanceof WorkError && error.explanation.kind === 'not-found') return 'broken';
  throw error;
}

function completeness(
  record: ReleaseRecord,
  { digest }: RecordedTag,
  image: PublishedImage | 'broken' | undefined,
): Pick<TagStatus, 'state' | 'why'> {
  if (image === undefined) return { state: 'missing', why: 'its index is gone' };
  if (image === 'broken') return { state: 'broken', why: 'a manifest, a config or what is said of it is gone' };
  const released = Object.values(record.images);
  const [alone] = released
    .flatMap(({ platforms }) => Object.entries(platforms))
    .find(([, index]) => index.digest === digest) ?? [undefined];
  const wanted = alone === undefined ? record.platforms : record.platforms.filter((platform) => platform === alone);
  const there = image.index.manifests.filter((one) => !isAttestation(one)).map(platformOf);
  const absent = wanted.filter((platform) => !there.includes(platform));
  if (absent.length > 0) return { state: 'missing platform', why: `without ${absent.join(', ')}` };
  const failed = publishedChecks(image, wanted).filter(({ passed }) => !passed);
  return failed.length === 0
    ? { state: 'ok', why: '' }
    : { state: 'broken', why: failed.map(({ name, found }) => `${name}: ${found}`).join('; ') };
}
