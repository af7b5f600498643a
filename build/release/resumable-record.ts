import { ownSignatures } from '../attest/signature.ts';
import { isAttestation } from '../oci/descriptor.ts';
import { manifestsOf } from '../oci/document.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import type { PlatformImage } from './platform-image.ts';
import type { PublishContext, PublishRequest } from './publish-request.ts';
import { clearRecordHint, type ReleaseRecord, readRecord, recordDocument, recordTag } from './release-record.ts';
import { assertTrusted } from './trusted-record.ts';

/** The digest of the record in each registry that has one. */
export type RecordDigests = Readonly<Record<string, string | undefined>>;

/** Reads which records exist. Does not check who wrote them. */
export async function readRecords({ release }: PublishRequest, registry: Registry): Promise<RecordDigests> {
  const entries = release.registries.map(async (repository) => {
    const document = await registry.document(parseReference(repository), recordTag(release.name));
    return [repository, document?.descriptor.digest] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** The digest of a record in each registry that gets it. */
export const digestsOfRecord = (record: ReleaseRecord): RecordDigests => {
  const { digest } = recordDocument(record).manifest.descriptor;
  return Object.fromEntries(record.registries.map((repository) => [repository, digest]));
};

/**
 * Finds the record of an earlier, interrupted run of this release.
 *
 * @throws WorkError if the record is not trusted, or if it names other images or other repositories than this release
 */
export async function findResumable(
  before: RecordDigests,
  request: PublishRequest,
  { registry, signer, source }: PublishContext,
): Promise<ReleaseRecord | undefined> {
  const { name, registries } = request.release;
  const [first = ''] = registries;
  if (before[first] === undefined) return undefined;
  const stored = await readRecord(registry, first, name);
  if (stored === undefined || !isSameRelease(stored.record, request)) return undefined;
  await assertTrusted(stored, ownSignatures(signer, registry));
  const { record } = stored;
  const others = record.registries.filter((repository) => !registries.includes(repository));
  if (others.length > 0) {
    throw new WorkError({
      kind: 'other-registries',
      title: 'The release was begun with more registries',
      reason: `Its record also names ${others.join(', ')}, and only the registries of the command line are written.`,
      hint: `name all of them: --registries ${[...new Set([...registries, ...others])].join(',')}`,
    });
  }
  // Debian may serve other packages since. The first run base of a day stays.
  if (request.release.kind !== 'base') await assertSameImages(record, source.known ?? [], registry);
  return record;
}

/** @throws WorkError if the record names other images than those that were built for this release */
async function assertSameImages(
  record: ReleaseRecord,
  known: readonly PlatformImage[],
  registry: Registry,
): Promise<void> {
  const repository = parseReference(record.registries[0] ?? '');
  for (const { image, platform, manifest } of known) {
    const recorded = record.images[image]?.platforms[platform]?.digest;
    const index = recorded === undefined ? undefined : await registry.document(repository, recorded);
    const manifests = index === undefined ? [] : manifestsOf(index.content).filter((entry) => !isAttestation(entry));
    if (manifests.length === 1 && manifests[0]?.digest === manifest.digest) continue;
    throw new WorkError({
      kind: 'other-images',
      title: 'The record of this release names other images',
      reason: `${image} for ${platform} is ${manifest.digest}, but the record names ${manifests.map(({ digest }) => digest).join(', ') || 'an image that does not exist'}.`,
      hint: `run the failed jobs of the first run again, or publish a correction under a new version. If no tag was written yet, ${clearRecordHint(record.name, record.registries.join(','))}`,
    });
  }
}

/**
 * Whether a record describes the requested release: same sources and platforms, and same base. Another commit of this project makes no
 * other run base of a day. The base of a published version does
 * not matter, because a version never changes whatever base is pinned now.
 */
const isSameRelease = (record: ReleaseRecord, { release, origin }: PublishRequest): boolean =>
  (record.revision === origin.revision || release.kind === 'base') &&
  (record.base === (origin.base ?? record.base) || (release.event !== 'refresh' && record.name !== 'main')) &&
  release.images.every((image) => record.images[image] !== undefined) &&
  release.platforms.length === record.platforms.length &&
  release.platforms.every((platform) => record.platforms.includes(platform));
