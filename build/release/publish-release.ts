import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { settle } from '../settle.ts';
import { VARIANT_IMAGES } from '../spec/variant.ts';
import { type Journal, type JournalStep, openJournal, removeJournal } from './journal.ts';
import { adoptImages, makeImages } from './make-images.ts';
import { type PlannedTag, planRelease, type ReleasePlan, type ReleaseRequest } from './plan-release.ts';
import type { PublishContext, PublishRequest } from './publish-request.ts';
import { publishedChecks, readPublishedImage } from './published-checks.ts';
import { readAllPublished } from './read-published.ts';
import { BASE_DIGEST, CREATED } from './rebase.ts';
import { type ReleaseLock, takeLock } from './release-lock.ts';
import {
  putRecord,
  type RecordedTag,
  type ReleasedImage,
  type ReleaseRecord,
  readRecord,
  releaseName,
} from './release-record.ts';

export interface PublishedRelease {
  readonly record: ReleaseRecord;
  readonly plan: ReleasePlan;
  /** Steps of this run and of those before it that were cut off. */
  readonly steps: readonly JournalStep[];
  /** Of this run. */
  readonly seconds: number;
}

/**
 * Publishes a release: join, push by digest, read back, sign, record, tag; versions first, channels last.
 *
 * Each step is remembered when it is done. Killed at any point, the same call carries on; from another host it carries on
 * from the record in the registry, which is there before the first tag.
 * @throws WorkError where a version is there with other contents, a check fails, or somebody else releases
 */
export async function publishRelease(asked: PublishRequest, context: PublishContext): Promise<PublishedRelease> {
  const started = performance.now();
  const { folder } = asked;
  const { registry, onStep } = context;
  const name = releaseName(asked.release);
  const [first = ''] = asked.release.registries;
  const file = join(folder, 'journal.json');
  const readPlan = async (
    release: PublishRequest['release'],
    digests?: NonNullable<ReleaseRequest['digests']>,
  ): Promise<ReleasePlan> => {
    const published = await readAllPublished(release, registry, onStep);
    const plan = planRelease({ ...release, published, ...(digests === undefined ? {} : { digests }) });
    refuseConflicts(plan);
    return plan;
  };
  // What cannot be is refused before anything is locked.
  await readPlan(asked.release);
  const repositories = asked.release.registries.map((one) => parseReference(one));
  const lock = await takeLock(registry, repositories, context.patience);
  try {
    const earlier = await readRecord(registry, first, name);
    const adopted = earlier !== undefined && isOf(earlier, asked) ? earlier : undefined;
    const request = adopted === undefined ? asked : widened(asked, adopted);
    const { release } = request;
    const wanted = await readPlan(release);
    const journal = await openJournal(file, request.identity, onStep, context.signal);
    const { images, deliver } =
      adopted === undefined
        ? await makeImages(request, { ...context, assertHeld: lock.assertHeld }, journal, wanted)
        : adoptImages(adopted, release.registries, registry, onStep);
    const digests = digestsOf(images);
    await readPlan(release, digests);
    await deliver();
    const everywhere = (work: (repository: string) => Promise<void>): Promise<void> =>
      settle(release.registries.map(work));
    const facts = {
      base: journal.state().pieces[0]?.annotations[BASE_DIGEST] ?? adopted?.base ?? '',
      created: journal.state().pieces[0]?.annotations[CREATED] ?? adopted?.created ?? '',
      signed: context.signer !== undefined || adopted?.signed === true,
    };
    const unchecked = recordOf(request, name, images, [], facts);
    await everywhere((repository) =>
      journal.again(`checked at ${repository}`, () => checkImages(unchecked, repository, registry)),
    );
    await sign(unchecked, context, journal);
    await lock.assertHeld();
    // Once more, now that nobody else writes: a record says what will be, and is never put in place of one that came true.
    const planned = await readPlan(release, digests);
    const record = { ...unchecked, tags: recordedTags(planned.tags, images) };
    await everywhere((repository) =>
      journal.again(`recorded at ${repository}`, () => putRecord(registry, repository, record)),
    );
    const write = (tags: readonly PlannedTag[]): Promise<void> =>
      everywhere(async (repository) => {
        for (const tag of tags) if (tag.registry === repository) await writeTag(tag, images, registry, journal, lock);
      });
    const versions = planned.tags.filter(({ kind }) => kind === 'version');
    await write(versions);
    // What moved meanwhile is seen here: a channel never goes back.
    const channels = (await readPlan(release, digests)).tags.filter(({ kind }) => kind === 'channel');
    await write(channels);
    const written = [...versions, ...channels];
    const final = { ...record, tags: recordedTags(written, images) };
    if (JSON.stringify(final.tags) !== JSON.stringify(record.tags))
      await everywhere((repository) => putRecord(registry, repository, final));
    await assertTags(final, registry, onStep);
    const { steps } = journal.state();
    await removeJournal(file);
    await rm(folder, { recursive: true, force: true });
    const took = (performance.now() - started) / 1000;
    return { record: final, plan: { ...planned, tags: written }, steps, seconds: took };
  } finally {
    await lock.release();
  }
}

/**
 * The same sources for the same processors; on the same base too, but for a version that is published: that never changes,
 * whatever is pinned now.
 */
const isOf = (record: ReleaseRecord, { release, revision, base = record.base }: PublishRequest): boolean =>
  record.revision === revision &&
  (record.base === base || (release.event !== 'refresh' && record.name !== 'main')) &&
  release.variants.every((variant) => record.images[VARIANT_IMAGES[variant]] !== undefined) &&
  release.platforms.length === record.platforms.length &&
  release.platforms.every((platform) => record.platforms.includes(platform));

/** A release is one thing: who asks for a part of one that is recorded, gets the whole of it looked after. */
function widened(request: PublishRequest, record: ReleaseRecord): PublishRequest {
  const { release } = request;
  return {
    ...request,
    release: {
      ...release,
      variants: [...new Set([...record.variants, ...release.variants])],
      registries: [...new Set([...release.registries, ...record.registries])],
    },
  };
}

const digestsOf = (images: ReleaseRecord['images']): NonNullable<ReleaseRequest['digests']> =>
  Object.fromEntries(
    Object.entries(VARIANT_IMAGES).flatMap(([variant, image]) => {
      const found = images[image];
      return found === undefined
        ? []
        : [[variant, { index: found.index.digest, platforms: mapDigests(found.platforms) }]];
    }),
  );

const mapDigests = (platforms: ReleasedImage['platforms']): Readonly<Partial<Record<Platform, string>>> =>
  Object.fromEntries(Object.entries(platforms).map(([platform, { digest }]) => [platform, digest]));

function recordOf(
  { release, revision, source }: PublishRequest,
  name: string,
  images: ReleaseRecord['images'],
  tags: readonly RecordedTag[],
  facts: Pick<ReleaseRecord, 'base' | 'created' | 'signed'>,
): ReleaseRecord {
  const { ref, event, date, registries, variants, platforms } = release;
  return { name, ref, event, date, revision, source, ...facts, registries, variants, platforms, images, tags };
}

const recordedTags = (tags: readonly PlannedTag[], images: ReleaseRecord['images']): readonly RecordedTag[] =>
  tags
    .filter(({ action }) => action !== 'keep')
    .map((one) => ({
      registry: one.registry,
      tag: one.tag,
      kind: one.kind,
      digest: digestOfTag(one, images),
    }));

function digestOfTag({ variant, platform, tag }: PlannedTag, images: ReleaseRecord['images']): string {
  const image = images[VARIANT_IMAGES[variant]];
  const found = platform === undefined ? image?.index : image?.platforms[platform];
  if (found === undefined) throw new Error(`nothing was built for the tag ${tag}`);
  return found.digest;
}

/** Nothing is tagged that was not read back whole. @throws WorkError that says what is wrong */
async function checkImages(record: ReleaseRecord, name: string, registry: Registry): Promise<void> {
  const repository = parseReference(name);
  for (const { index, platforms } of Object.values(record.images)) {
    const images = [
      [index, record.platforms],
      ...Object.entries(platforms).map(([platform, one]) => [one, [platform as Platform]] as const),
    ] as const;
    for (const [{ digest }, wanted] of images) {
      const published = await readPublishedImage(registry, repository, digest);
      const failed =
        published === undefined
          ? ['it is not there']
          : publishedChecks(published, wanted)
              .filter(({ passed }) => !passed)
              .map(({ name: check, found }) => `${check}: ${found}`);
      if (failed.length === 0) continue;
      throw new WorkError({
        kind: 'read-back',
        title: 'What was pushed is not what a release must be',
        reason: `${atDigest(repository, digest)}: ${failed.join('; ')}`,
        wayOut: 'nothing was tagged; what is named here must be built or pushed again',
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
    // Of one platform alone it may be the same index.
    const indexes = new Map([index, ...Object.values(platforms)].map((one) => [one.digest, one]));
    await journal.again(`signed ${image}`, async () => {
      for (const one of indexes.values()) await signer.sign(registry, repositories, one);
    });
  }
}

/** Writes a tag, and reads it back. What is there already stays as it is. */
async function writeTag(
  tag: PlannedTag,
  images: ReleaseRecord['images'],
  registry: Registry,
  journal: Journal,
  lock: ReleaseLock,
): Promise<void> {
  if (tag.action === 'keep' || tag.action === 'done') return;
  const repository = parseReference(tag.registry);
  const wanted = digestOfTag(tag, images);
  await journal.again(`tagged ${tag.registry}:${tag.tag}`, async () => {
    if (tag.kind === 'channel') await lock.assertHeld();
    const now = await registry.document(repository, tag.tag);
    if (now?.descriptor.digest === wanted) return;
    if (now !== undefined && tag.kind === 'version') throw changed(tag, now.descriptor.digest);
    const document = await registry.document(repository, wanted);
    if (document === undefined) throw new Error(`${atDigest(repository, wanted)} was checked, and is not there`);
    await registry.putDocument(repository, tag.tag, document);
  });
}

/** Every tag, on every registry, read back: the last step, and never taken from a journal. */
async function assertTags({ tags }: ReleaseRecord, registry: Registry, onStep: (step: string) => void): Promise<void> {
  onStep('reading every tag back');
  const read = await Promise.all(
    tags.map(async ({ registry: name, tag, digest }) => {
      const document = await registry.document(parseReference(name), tag);
      return document?.descriptor.digest === digest
        ? []
        : [`${name}:${tag} is ${document?.descriptor.digest ?? 'not there'}`];
    }),
  );
  const wrong = read.flat();
  if (wrong.length === 0) return;
  throw new WorkError({
    kind: 'read-back',
    title: 'A tag is not what was written',
    reason: wrong.join('; '),
    wayOut: 'run the same command again; if it happens twice, somebody else writes these tags',
  });
}

function refuseConflicts({ tags }: Pick<ReleasePlan, 'tags'>): void {
  const conflicts = tags.filter(({ action }) => action === 'conflict');
  if (conflicts.length === 0) return;
  throw new WorkError({
    kind: 'version-exists',
    title: 'A tag is in the way',
    reason: conflicts.map(({ registry, tag, why }) => `${registry}:${tag} ${why}`).join('; '),
    wayOut:
      'nothing was written; a new correction gets a new version (2026.3.13-1), a newer base a refresh (--event refresh)',
  });
}

const changed = ({ registry, tag }: PlannedTag, digest: string): WorkError =>
  new WorkError({
    kind: 'version-exists',
    title: 'A tag is in the way',
    reason: `${registry}:${tag} became ${digest} meanwhile, and a version never changes`,
    wayOut: 'find out who published it; nothing more was tagged',
  });
