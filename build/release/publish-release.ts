import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentSource, layoutContent, registryContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import { type ImageIndex, isAttestation, platformOf, type StoredDocument } from '../oci/descriptor.ts';
import { hostPlatform, type Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import { atDigest, parseDocument, type Registry, type Repository } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { VARIANT_IMAGES, type VariantImage } from '../spec/variant.ts';
import { pieceFolder } from './build-pieces.ts';
import { joinIndex } from './join-index.ts';
import { type Journal, type JournalStep, openJournal, removeJournal } from './journal.ts';
import { type PlannedTag, planRelease, type ReleasePlan, type ReleaseRequest } from './plan-release.ts';
import { publishedChecks, readPublishedImage } from './published-checks.ts';
import { readAllPublished } from './read-published.ts';
import { BASE_DIGEST } from './rebase.ts';
import { type ReleaseLock, takeLock } from './release-lock.ts';
import {
  type Piece,
  putRecord,
  type RecordedTag,
  type ReleasedImage,
  type ReleaseRecord,
  readRecord,
  releaseName,
} from './release-record.ts';
import type { Signer } from './signature.ts';

/** A release, as it is asked for. */
export interface PublishRequest {
  readonly release: Omit<ReleaseRequest, 'published' | 'digests'>;
  readonly revision: string;
  readonly source: string;
  /** Digest of the base, where that is known beforehand: what stands on another one is another release. */
  readonly base?: string;
  /** Everything else that a journal must have in common with this run to be carried on. */
  readonly identity: string;
  /** Where the journal stands, and images that are not in a registry yet. */
  readonly folder: string;
}

export interface PublishContext {
  readonly registry: Registry;
  /** undefined: not to be signed. */
  readonly signer: Signer | undefined;
  /** Builds, or finds, what is missing. */
  readonly pieces: (image: VariantImage, platform: Platform) => Promise<readonly Piece[]>;
  /** @throws WorkError where it does not keep the contract */
  readonly verify: (piece: Piece) => Promise<unknown>;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal | undefined;
}

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
export async function publishRelease(request: PublishRequest, context: PublishContext): Promise<PublishedRelease> {
  const started = performance.now();
  const { release, folder } = request;
  const { registry, onStep } = context;
  const name = releaseName(release);
  const [first = ''] = release.registries;
  const file = join(folder, 'journal.json');
  const before = await readAllPublished(release, registry, onStep);
  const wanted = planRelease({ ...release, published: before });
  refuseConflicts(wanted);
  const lock = await takeLock(registry, parseReference(first));
  try {
    const journal = await openJournal(file, request.identity, onStep);
    const earlier = await readRecord(registry, first, name);
    const { images, deliver } =
      earlier !== undefined && isOf(earlier, request)
        ? adopt(earlier, release.registries, registry, onStep)
        : await makeImages(request, { ...context, assertHeld: lock.assertHeld }, journal, wanted);
    const digests = digestsOf(images);
    const planned = planRelease({ ...release, published: before, digests });
    refuseConflicts(planned);
    await deliver();
    const base = journal.state().pieces[0]?.annotations[BASE_DIGEST] ?? earlier?.base ?? '';
    const record = recordOf(request, name, images, planned, base, context.signer !== undefined);
    const everywhere = (work: (repository: string) => Promise<void>): Promise<unknown> =>
      Promise.all(release.registries.map(work));
    await everywhere((repository) =>
      journal.step(`checked at ${repository}`, () => checkImages(record, repository, registry)),
    );
    await sign(record, context, journal);
    await lock.assertHeld();
    await everywhere((repository) =>
      journal.step(`recorded at ${repository}`, () => putRecord(registry, repository, record)),
    );
    const write = (tags: readonly PlannedTag[]): Promise<unknown> =>
      everywhere(async (repository) => {
        for (const tag of tags) if (tag.registry === repository) await writeTag(tag, images, registry, journal);
      });
    const versions = planned.tags.filter(({ kind }) => kind === 'version');
    await write(versions);
    // What moved meanwhile is seen here: a channel never goes back.
    await lock.assertHeld();
    const now = await readAllPublished(release, registry, onStep);
    const channels = planRelease({ ...release, published: now, digests }).tags.filter(({ kind }) => kind === 'channel');
    refuseConflicts({ tags: channels });
    await write(channels);
    const written = [...versions, ...channels];
    const final = { ...record, tags: recordedTags(written, images) };
    if (JSON.stringify(final.tags) !== JSON.stringify(record.tags))
      for (const repository of release.registries) await putRecord(registry, repository, final);
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

/** The same images: the record of other variants or platforms is another release's. */
const isOf = (record: ReleaseRecord, { release, revision, base = record.base }: PublishRequest): boolean =>
  record.revision === revision &&
  record.base === base &&
  release.variants.every((variant) => record.variants.includes(variant)) &&
  release.platforms.every((platform) => record.platforms.includes(platform)) &&
  release.platforms.length === record.platforms.length;

/** What was verified and recorded is not built again: only copied to where it is missing. */
function adopt(
  { name, images }: ReleaseRecord,
  registries: readonly string[],
  registry: Registry,
  onStep: (step: string) => void,
): Making {
  onStep(`going on with what is recorded of ${name}`);
  const [first = '', ...mirrors] = registries;
  const from = registryContent(registry, parseReference(first));
  const deliver = async (): Promise<void> => {
    for (const mirror of mirrors) {
      for (const image of Object.values(images))
        for (const index of [...Object.values(image.platforms), image.index])
          await copyContent(from, index, registry, parseReference(mirror));
    }
  };
  return { images, deliver };
}

/** Images that are known by their digests, and what is left to do until every registry has them, and they are verified. */
interface Making {
  readonly images: ReleaseRecord['images'];
  readonly deliver: () => Promise<void>;
}

async function makeImages(
  request: PublishRequest,
  context: PublishContext & Pick<ReleaseLock, 'assertHeld'>,
  journal: Journal,
  plan: ReleasePlan,
): Promise<Making> {
  const { release, folder } = request;
  const { registry, onStep } = context;
  const names = [...new Set(release.variants.map((variant) => VARIANT_IMAGES[variant]))];
  const [first = ''] = release.registries;
  for (const platform of release.platforms) {
    for (const image of names) {
      await journal.step(`built ${image} for ${platform}`, async (keep) => {
        const known = journal.state().pieces;
        // A build makes all images of a platform: the second step finds what the first has made.
        if (known.some((piece) => piece.image === image && piece.platform === platform)) return;
        keep({ pieces: [...known, ...(await context.pieces(image, platform))] });
      });
    }
  }
  // Before anything is written, whoever came at the same time is known.
  await context.assertHeld();
  const pushes: ((name: string) => Promise<void>)[] = [];
  const joined: Partial<Record<VariantImage, ReleasedImage>> = {};
  for (const image of names) {
    const pieces = release.platforms.flatMap(
      (platform) => journal.state().pieces.find((one) => one.image === image && one.platform === platform) ?? [],
    );
    const index = joinIndex(pieces);
    const published = await existing(image, pieces, plan, registry);
    // Each registry gets the bytes from here, or from where the pieces were pushed to.
    const push = (name: string): Promise<void> =>
      journal.step(`pushed ${image} to ${name}`, async () => {
        const repository = parseReference(name);
        await pushImage(pieces, index, folder, registry, parseReference(first), repository, onStep);
        if (published !== undefined)
          await copyContent(registryContent(registry, published.repository), published.index, registry, repository);
      });
    pushes.push(push);
    joined[image] = {
      index: published?.index ?? index.descriptor,
      platforms: {
        ...Object.fromEntries(pieces.map(({ platform, index: one }) => [platform, one])),
        ...published?.platforms,
      },
    };
  }
  return {
    images: joined,
    // Pushed by digest while it is verified: what is in no tag is nobody's.
    deliver: async () => {
      // Registries side by side; in one of them what the images share is uploaded once, and not by two at a time.
      const fill = async (name: string): Promise<void> => {
        for (const push of pushes) await push(name);
      };
      await Promise.all([verifyAll(context, journal), ...release.registries.map(fill)]);
    },
  };
}

/** Those of this processor side by side; emulated ones one after the other, because each takes all that there is. */
async function verifyAll({ verify }: PublishContext, journal: Journal): Promise<void> {
  const step = (piece: Piece): Promise<void> =>
    journal.step(`verified ${piece.image} for ${piece.platform}`, () => verify(piece));
  const { pieces } = journal.state();
  const isNative = ({ platform }: Piece): boolean => platform === hostPlatform();
  await Promise.all(pieces.filter(isNative).map(step));
  for (const piece of pieces) if (!isNative(piece)) await step(piece);
}

/**
 * A version that is there already, with these very images: what is said of them (when they were built) may differ between two
 * builds, and the first that was published stays.
 */
async function existing(
  image: VariantImage,
  pieces: readonly Piece[],
  plan: ReleasePlan,
  registry: Registry,
): Promise<(ReleasedImage & { readonly repository: Repository }) | undefined> {
  const there = plan.tags.find(
    (one) => one.action === 'check' && one.platform === undefined && VARIANT_IMAGES[one.variant] === image,
  );
  if (there === undefined) return undefined;
  const repository = parseReference(there.registry);
  const document = await registry.document(repository, there.tag);
  if (document === undefined) return undefined;
  const { manifests = [] } = parseDocument<Partial<ImageIndex>>(document.bytes);
  const published = manifests.filter((one) => !isAttestation(one));
  const same =
    published.length === pieces.length &&
    pieces.every(({ platform, manifest }) =>
      published.some((one) => platformOf(one) === platform && one.digest === manifest.digest),
    );
  if (!same) return undefined;
  const platforms = await Promise.all(
    plan.tags
      .filter(
        (one) =>
          one.registry === there.registry && one.variant === there.variant && one.kind === 'version' && one.platform,
      )
      .map(async ({ platform, tag }) => [platform, (await registry.document(repository, tag))?.descriptor] as const),
  );
  return {
    repository,
    index: document.descriptor,
    platforms: Object.fromEntries(
      platforms.flatMap(([platform, index]) => (index === undefined ? [] : [[platform, index]])),
    ),
  };
}

async function pushImage(
  pieces: readonly Piece[],
  index: StoredDocument,
  folder: string,
  registry: Registry,
  first: Repository,
  repository: Repository,
  onStep: (step: string) => void,
): Promise<void> {
  for (const piece of pieces) {
    const local = layoutContent(pieceFolder(folder, piece));
    const isHere = await local.document(piece.index.digest).then(
      () => true,
      () => false,
    );
    // Pushed by the machine that built it, where that was another one.
    const source: ContentSource = isHere ? local : registryContent(registry, first);
    const { bytes } = await copyContent(source, piece.index, registry, repository);
    onStep(`${piece.image} for ${piece.platform} to ${repository.registry}: ${Math.round(bytes / 1e6)} MB`);
  }
  // What it names is there.
  await registry.putDocument(repository, index.descriptor.digest, index);
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
  plan: ReleasePlan,
  base: string,
  signed: boolean,
): ReleaseRecord {
  const { ref, event, date, registries, variants, platforms } = release;
  const tags = recordedTags(plan.tags, images);
  return { name, ref, event, date, revision, source, base, registries, variants, platforms, images, signed, tags };
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
  for (const [image, { index }] of Object.entries(images))
    await journal.step(`signed ${image}`, () => signer.sign(registry, repositories, index));
}

/** Writes a tag, and reads it back. What is there already stays as it is. */
async function writeTag(
  tag: PlannedTag,
  images: ReleaseRecord['images'],
  registry: Registry,
  journal: Journal,
): Promise<void> {
  if (tag.action === 'keep' || tag.action === 'done') return;
  const repository = parseReference(tag.registry);
  const wanted = digestOfTag(tag, images);
  await journal.step(`tagged ${tag.registry}:${tag.tag}`, async () => {
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
