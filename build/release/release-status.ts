import { isAttestation, platformOf } from '../oci/descriptor.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { type PublishedImage, publishedChecks, readPublishedImage } from './published-checks.ts';
import type { RecordedTag, ReleaseRecord } from './release-record.ts';
import { compareVersions, parseVersion } from './version.ts';

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
  const images = new Map<string, Promise<PublishedImage | undefined>>();
  const readImage = (name: string, digest: string): Promise<PublishedImage | undefined> => {
    const key = `${name}@${digest}`;
    const known = images.get(key) ?? readPublishedImage(registry, parseReference(name), digest);
    images.set(key, known);
    return known;
  };
  const now = new Map<string, string | undefined>();
  for (const { registry: name, tag } of record.tags) {
    const document = await registry.document(parseReference(name), tag);
    now.set(`${name}:${tag}`, document?.descriptor.digest);
  }
  return Promise.all(
    record.tags.map(async (one): Promise<TagStatus> => {
      const digest = now.get(`${one.registry}:${one.tag}`);
      const told = async (): Promise<Pick<TagStatus, 'state' | 'why'>> => {
        if (digest === undefined) return { state: 'missing', why: 'there is no such tag' };
        if (digest !== one.digest) return differing(record, one, now, await readImage(one.registry, digest));
        return completeness(record, one, await readImage(one.registry, digest));
      };
      return { ...one, now: digest, ...(await told()) };
    }),
  );
}

function differing(
  record: ReleaseRecord,
  { registry, tag, kind, digest }: RecordedTag,
  now: ReadonlyMap<string, string | undefined>,
  image: PublishedImage | undefined,
): Pick<TagStatus, 'state' | 'why'> {
  const is = parseVersion(image?.index.annotations?.['org.opencontainers.image.version'] ?? '');
  const was = parseVersion(record.name.replace(/-r\d{8}$/, ''));
  if (kind === 'channel' && is !== undefined && (was === undefined || compareVersions(is, was) > 0))
    return { state: 'moved on', why: `is ${is.text} now` };
  const [first = ''] = record.registries;
  const why = is === undefined ? 'is something else' : `is ${is.text}`;
  // Where the first registry has what it should, the mirror is behind.
  return registry !== first && now.get(`${first}:${tag}`) === digest
    ? { state: 'stale mirror', why: `${why}, and ${first} has what was released` }
    : { state: 'wrong digest', why };
}

function completeness(
  record: ReleaseRecord,
  { digest }: RecordedTag,
  image: PublishedImage | undefined,
): Pick<TagStatus, 'state' | 'why'> {
  if (image === undefined) return { state: 'missing', why: 'its index is gone' };
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
