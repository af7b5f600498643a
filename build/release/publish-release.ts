import { allOrFirstFailure } from '../all-or-first-failure.ts';
import { ownSignatures } from '../attest/signature.ts';
import { isFailed } from '../check-result.ts';
import { withFolderLock } from '../folder-lock.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { putUntagged } from '../oci/artifact.ts';
import type { Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { imagesOf } from '../spec/variant.ts';
import { builtDigests } from './built-digests.ts';
import { type Journal, type JournalStep, openJournal, removeJournal } from './journal.ts';
import { rememberWritten } from './own-digests.ts';
import { type PlannedTag, type PlanState, planRelease, type ReleasePlan } from './plan-release.ts';
import { isInFolder, type PlatformImage } from './platform-image.ts';
import type { PublishContext, PublishRequest } from './publish-request.ts';
import { publishedChecks, readPublishedImage } from './published-checks.ts';
import { readAllPublished } from './read-published.ts';
import type { Release } from './release.ts';
import { guardedRegistry, takeLock } from './release-lock.ts';
import { putRecord, type RecordedTag, type ReleaseRecord, recordDocument } from './release-record.ts';
import { assertTags, digestOfTag, putTag } from './release-tags.ts';
import { digestsOfRecord, findResumable, type RecordDigests, readRecords } from './resumable-record.ts';
import { resumeImages, type StagedImages, stageImages } from './stage-images.ts';
import { decisionAbout } from './stored-decision.ts';

export interface PublishedRelease {
  readonly record: ReleaseRecord;
  readonly plan: ReleasePlan;
  /** Steps of this run and of earlier, interrupted runs. */
  readonly steps: readonly JournalStep[];
  /** Duration of this run. */
  readonly seconds: number;
}

/**
 * Publishes a release: stage, push by digest, read back, sign, record, tag; versions first, channels last.
 *
 * Each completed step is recorded in a journal. After a kill, the same call resumes. On another host it resumes from the record in
 * the registry, which is written before the first tag.
 * @throws WorkError if a version exists with other contents, if a check fails, or if another release is running
 */
export async function publishRelease(requested: PublishRequest, context: PublishContext): Promise<PublishedRelease> {
  const started = performance.now();
  const { registry, lockWait } = context;
  // 1. Refuse conflicts before the repositories are locked.
  await planNow(requested, context);
  const repositories = requested.release.registries.map((name) => parseReference(name));
  const lock = await takeLock(registry, repositories, lockWait);
  // The registry's lock may be cleared by hand. Then another process of this host must not use the same folder and journal.
  const publish = async (): Promise<PublishedRelease> => {
    const before = await readRecords(requested, registry);
    const resumed = requested.release.kind === 'preview' ? undefined : await findResumable(before, requested, context);
    const request = resumed === undefined ? requested : extendTo(requested, resumed);
    // Every write asks first whether this process still holds the lock.
    const writes = guardedRegistry(registry, lock);
    const journal = await openReleaseJournal(request, context);
    // 2. Plan under the lock: no other release changes version tags now.
    const plan = await planNow(request, context);
    const staged = await stage(request, { ...context, registry: writes }, journal, plan, resumed);
    const { images } = staged;
    const digests = builtDigests(images);
    // 3. Plan with the digests, before the upload: a version with other contents is a conflict.
    await planNow(request, context, digests);
    // A release that started at the same time must be detected before anything is pushed.
    await lock.assertHeld();
    await staged.push();
    const record = recordOf(request, images, journal, resumed, context.signer !== undefined);
    await checkEverywhere(record, registry, journal);
    await sign(record, { ...context, registry: writes }, journal);
    // 4. Plan again under the lock: the record lists intended tags, so it must not overwrite one that was fulfilled.
    const intended = await planNow(request, context, digests);
    const first = { ...record, tags: recordedTags(intended.tags, images) };
    await writeRecord(first, request.release, before, { ...context, registry: writes }, journal);
    const versions = intended.tags.filter(({ kind }) => kind === 'version');
    await writeTags(versions, images, request, writes, journal);
    // 5. Plan the channels last: a newer release may have moved them meanwhile, and a channel never moves back.
    const channels = (await planNow(request, context, digests)).tags.filter(({ kind }) => kind === 'channel');
    await writeTags(channels, images, request, writes, journal);
    const tags = [...versions, ...channels];
    const final = { ...record, tags: recordedTags(tags, images) };
    if (JSON.stringify(final.tags) !== JSON.stringify(first.tags))
      await writeRecord(final, request.release, digestsOfRecord(first), { ...context, registry: writes }, journal);
    await assertTags(final.tags, registry, context.onStep);
    const { steps } = journal.state();
    await removeJournal(request.journal);
    await context.finish();
    const seconds = (performance.now() - started) / 1000;
    return { record: final, plan: { ...intended, tags }, steps, seconds };
  };
  return withFolderLock(requested.journal, publish).finally(() => lock.release());
}

/** Reads every registry and plans the tags. @throws WorkError if a tag conflicts */
async function planNow(
  { release, origin }: PublishRequest,
  { registry, signer, onStep }: PublishContext,
  digests?: PlanState['digests'],
): Promise<ReleasePlan> {
  const { created, revision } = origin;
  const published = await readAllPublished(release, registry, onStep, revision);
  const check = ownSignatures(signer, registry);
  const decision = await decisionAbout(release, registry, check);
  const plan = planRelease(release, { published, digests, created, revision, decision });
  refuseConflicts(plan);
  return plan;
}

const openReleaseJournal = (request: PublishRequest, context: PublishContext): Promise<Journal> => {
  const [first = ''] = request.release.registries;
  const isAvailable = async (image: PlatformImage): Promise<boolean> =>
    isInFolder(request.folder, image) ||
    (await context.registry.document(parseReference(first), image.index.digest)) !== undefined;
  return openJournal(request.journal, request.identity, isAvailable, context.onStep, context.signal);
};

const stage = async (
  request: PublishRequest,
  context: PublishContext,
  journal: Journal,
  plan: ReleasePlan,
  resumed: ReleaseRecord | undefined,
): Promise<StagedImages> =>
  resumed === undefined
    ? stageImages(request, context, journal, plan)
    : resumeImages(resumed, request.release.registries, context.registry, context.onStep);

/** Extends a request to all variants of a recorded release: a release is published as a whole. */
function extendTo(request: PublishRequest, record: ReleaseRecord): PublishRequest {
  const { release } = request;
  const variants = [...new Set([...record.variants, ...release.variants])];
  return { ...request, release: { ...release, variants, images: imagesOf(variants) } };
}

/** The record of a release, without its tags. */
function recordOf(
  { release, origin }: PublishRequest,
  images: ReleaseRecord['images'],
  journal: Journal,
  resumed: ReleaseRecord | undefined,
  isSigned: boolean,
): ReleaseRecord {
  const { name, ref, event, date, registries, variants, platforms, platformTags } = release;
  const { revision, source } = origin;
  const annotations = journal.state().images[0]?.annotations ?? {};
  const base = annotations[ANNOTATION.baseDigest] ?? resumed?.base ?? '';
  const created = annotations[ANNOTATION.created] ?? resumed?.created ?? '';
  const signed = isSigned || resumed?.signed === true;
  const recorded = { name, ref, event, date, revision, source, base, created, signed };
  return { ...recorded, registries, variants, platforms, platformTags, images, tags: [] };
}

const recordedTags = (tags: readonly PlannedTag[], images: ReleaseRecord['images']): readonly RecordedTag[] =>
  tags
    .filter(({ action }) => action !== 'keep')
    .map((planned) => {
      const { registry, tag, kind } = planned;
      return { registry, tag, kind, digest: digestOfTag(planned, images) };
    });

/** Reads every image back from every registry, before anything is tagged. */
const checkEverywhere = (record: ReleaseRecord, registry: Registry, journal: Journal): Promise<void> =>
  allOrFirstFailure(
    record.registries.map((repository) =>
      journal.always(`checked at ${repository}`, () => checkImages(record, repository, registry)),
    ),
  );

/** @throws WorkError with every failed check */
async function checkImages(record: ReleaseRecord, name: string, registry: Registry): Promise<void> {
  const repository = parseReference(name);
  for (const { index, platforms } of Object.values(record.images)) {
    const indexes = [
      [index, record.platforms],
      ...Object.entries(platforms).map(([platform, single]) => [single, [platform as Platform]] as const),
    ] as const;
    for (const [{ digest }, required] of indexes) {
      const published = await readPublishedImage(registry, repository, digest);
      const failures =
        published === undefined
          ? ['it does not exist']
          : publishedChecks(published, required)
              .filter(isFailed)
              .map(({ name: check, found }) => `${check}: ${found}`);
      if (failures.length === 0) continue;
      throw new WorkError({
        kind: 'read-back',
        title: 'A pushed image fails its checks',
        reason: `${atDigest(repository, digest)}: ${failures.join('; ')}`,
        hint: 'run the same command again; no tag was written',
      });
    }
  }
}

async function sign(
  { images, registries }: ReleaseRecord,
  { signer, registry }: PublishContext,
  journal: Journal,
): Promise<void> {
  if (signer === undefined) return;
  const repositories = registries.map((name) => parseReference(name));
  for (const [image, { index, platforms }] of Object.entries(images)) {
    // With one platform, both indexes are the same.
    const indexes = new Map([index, ...Object.values(platforms)].map((entry) => [entry.digest, entry]));
    await journal.always(`signed ${image}`, async () => {
      for (const entry of indexes.values()) await signer.sign(registry, repositories, entry);
    });
  }
}

/**
 * Signs the record, and writes its tag in every registry: without a signature it counts on this host only. A pull request has no record:
 * its next build starts anew.
 */
async function writeRecord(
  record: ReleaseRecord,
  { kind }: Pick<Release, 'kind'>,
  before: RecordDigests,
  { registry, signer }: PublishContext,
  journal: Journal,
): Promise<void> {
  if (kind === 'preview') return;
  const document = recordDocument(record);
  const { descriptor } = document.manifest;
  const indexes = Object.values(record.images).flatMap(({ index, platforms }) => [index, ...Object.values(platforms)]);
  const digests = [descriptor, ...indexes].map(({ digest }) => digest);
  const repositories = record.registries.map((name) => parseReference(name));
  for (const repository of repositories) await rememberWritten(repository, digests);
  if (signer !== undefined) {
    // The tag comes last: after a kill, another host must find a signature, or no record.
    await journal.always('signed the record', async () => {
      for (const repository of repositories) await putUntagged(registry, repository, document);
      await signer.sign(registry, repositories, descriptor);
    });
  }
  await allOrFirstFailure(
    record.registries.map((repository) =>
      journal.always(`recorded at ${repository}`, () => putRecord(registry, repository, record, before[repository])),
    ),
  );
}

/** Writes tags: registries in parallel, the tags of each in order. */
const writeTags = (
  tags: readonly PlannedTag[],
  images: ReleaseRecord['images'],
  { release }: PublishRequest,
  registry: Registry,
  journal: Journal,
): Promise<void> =>
  allOrFirstFailure(
    release.registries.map(async (repository) => {
      for (const tag of tags) if (tag.registry === repository) await writeTag(tag, images, registry, journal);
    }),
  );

/** Writes a tag and reads it back. An existing version tag is never overwritten. */
async function writeTag(
  tag: PlannedTag,
  images: ReleaseRecord['images'],
  registry: Registry,
  journal: Journal,
): Promise<void> {
  if (tag.action === 'keep' || tag.action === 'done') return;
  const repository = parseReference(tag.registry);
  const digest = digestOfTag(tag, images);
  await journal.always(`tagged ${tag.registry}:${tag.tag}`, async () => {
    const current = await registry.document(repository, tag.tag);
    if (current?.descriptor.digest === digest) return;
    if (current !== undefined && tag.kind === 'version') throw changedMeanwhile(tag, current.descriptor.digest);
    await putTag(registry, repository, tag.tag, digest);
  });
}

function refuseConflicts({ tags }: Pick<ReleasePlan, 'tags'>): void {
  const conflicts = tags.filter(({ action }) => action === 'conflict');
  if (conflicts.length === 0) return;
  throw new WorkError({
    kind: 'version-exists',
    title: 'A tag conflicts with this release',
    reason: conflicts.map(({ registry, tag, why }) => `${registry}:${tag} ${why}`).join('; '),
    hint: 'publish a correction under a new version (2026.3.13-1), or a newer base as a refresh (--event refresh); nothing was written',
  });
}

const changedMeanwhile = ({ registry, tag }: PlannedTag, digest: string): WorkError =>
  new WorkError({
    kind: 'version-exists',
    title: 'A tag conflicts with this release',
    reason: `${registry}:${tag} became ${digest} during this release, and a version never changes.`,
    hint: 'find out who published it; no further tag was written',
  });
