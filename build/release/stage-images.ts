import { allOrFirstFailure } from '../all-or-first-failure.ts';
import { ownSignatures } from '../attest/signature.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { type ContentSource, layoutContent, registryContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import { isAttestation, platformOf, type StoredDocument } from '../oci/descriptor.ts';
import { manifestsOf } from '../oci/document.ts';
import { hostPlatform } from '../oci/platform.ts';
import { parseReference, type Repository } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { VARIANT_IMAGES, type VariantImage } from '../spec/variant.ts';
import { joinIndex } from './join-index.ts';
import type { Journal } from './journal.ts';
import type { ReleasePlan } from './plan-release.ts';
import { imageFolder, isInFolder, type PlatformImage } from './platform-image.ts';
import type { PublishContext, PublishRequest } from './publish-request.ts';
import type { ReleasedImage, ReleaseRecord } from './release-record.ts';
import { isTrustedDigest } from './trusted-record.ts';

/** Images with known digests, which are not in every repository yet. */
export interface StagedImages {
  readonly images: ReleaseRecord['images'];
  /** Verifies the images, and pushes them to every repository by digest. */
  readonly push: () => Promise<void>;
}

/** The images of a recorded release: they were verified, so they are only copied to repositories that lack them. */
export function resumeImages(
  { name, images }: ReleaseRecord,
  registries: readonly string[],
  registry: Registry,
  onStep: (step: string) => void,
): StagedImages {
  onStep(`resuming the recorded release ${name}`);
  const [first = '', ...mirrors] = registries;
  const from = registryContent(registry, parseReference(first));
  const push = async (): Promise<void> => {
    for (const mirror of mirrors) {
      for (const image of Object.values(images))
        for (const index of [...Object.values(image.platforms), image.index])
          await copyContent(from, index, registry, parseReference(mirror));
    }
  };
  return { images, push };
}

/** Builds the images of a release, or takes those in the journal, and joins their platforms. */
export async function stageImages(
  request: PublishRequest,
  context: PublishContext,
  journal: Journal,
  plan: ReleasePlan,
): Promise<StagedImages> {
  const { release, folder } = request;
  const { registry } = context;
  const [first = ''] = release.registries;
  for (const platform of release.platforms)
    for (const image of release.images)
      await journal.once(`built ${image} for ${platform}`, async (keep) => {
        const known = journal.state().images;
        // The source provides all images of a platform together, so the step of the second image has nothing to do.
        if (known.some((built) => built.image === image && built.platform === platform)) return;
        keep({ images: [...known, ...(await context.source.build(platform))] });
      });
  const pushes: ((name: string) => Promise<void>)[] = [];
  const staged: Partial<Record<VariantImage, ReleasedImage>> = {};
  for (const image of release.images) {
    const platformImages = release.platforms.flatMap(
      (platform) => journal.state().images.find((built) => built.image === image && built.platform === platform) ?? [],
    );
    const index = joinIndex(platformImages);
    const published = await findPublished(image, platformImages, plan, context);
    pushes.push((name) =>
      journal.once(`pushed ${image} to ${name}`, async () => {
        const repository = parseReference(name);
        await pushImage(platformImages, index, folder, parseReference(first), repository, context);
        if (published === undefined) return;
        const from = registryContent(registry, published.repository);
        for (const root of [...Object.values(published.platforms), published.index])
          await copyContent(from, root, registry, repository);
      }),
    );
    staged[image] = {
      index: published?.index ?? index.descriptor,
      platforms: {
        ...Object.fromEntries(platformImages.map((built) => [built.platform, built.index])),
        ...published?.platforms,
      },
    };
  }
  // Registries in parallel; images in sequence, because layers that they share are then uploaded once.
  const fill = async (name: string): Promise<void> => {
    for (const push of pushes) await push(name);
  };
  // Pushing by digest while the images are verified is safe: nothing refers to them until a tag is written.
  const push = (): Promise<void> => allOrFirstFailure([verifyAll(context, journal), ...release.registries.map(fill)]);
  return { images: staged, push };
}

/** Images of this processor in parallel; emulated ones in sequence, because each uses all processors. */
async function verifyAll({ verify }: PublishContext, journal: Journal): Promise<void> {
  const step = (built: PlatformImage): Promise<void> =>
    journal.once(`verified ${built.image} for ${built.platform}`, async () => {
      if (built.checks === undefined) await verify(built);
    });
  const { images } = journal.state();
  const isNative = ({ platform }: PlatformImage): boolean => platform === hostPlatform();
  await allOrFirstFailure(images.filter(isNative).map(step));
  for (const built of images) if (!isNative(built)) await step(built);
}

/**
 * Finds a published version with exactly these images. Its index may differ, because provenance contains the build time. The published
 * index is kept then, because a version never changes.
 */
async function findPublished(
  image: VariantImage,
  built: readonly PlatformImage[],
  plan: ReleasePlan,
  { registry, signer }: PublishContext,
): Promise<(ReleasedImage & { readonly repository: Repository }) | undefined> {
  const existing = plan.tags.find(
    ({ action, platform, variant }) =>
      action === 'check' && platform === undefined && VARIANT_IMAGES[variant] === image,
  );
  if (existing === undefined) return undefined;
  const repository = parseReference(existing.registry);
  const document = await registry.document(repository, existing.tag);
  if (document === undefined) return undefined;
  const published = manifestsOf(document.content).filter((entry) => !isAttestation(entry));
  const isSame =
    published.length === built.length &&
    built.every(({ platform, manifest }) =>
      published.some((entry) => platformOf(entry) === platform && entry.digest === manifest.digest),
    );
  if (!isSame) return undefined;
  // The index also holds provenance, which anybody can invent. It is kept only if a trusted release wrote it.
  const check = ownSignatures(signer, registry);
  if (!(await isTrustedDigest(repository, document.descriptor.digest, check))) return undefined;
  const platformTags = plan.tags.filter(
    ({ registry: name, variant, kind, platform }) =>
      name === existing.registry && variant === existing.variant && kind === 'version' && platform !== undefined,
  );
  const platforms = await Promise.all(
    platformTags.map(async ({ platform, tag }) => {
      const single = await registry.document(repository, tag);
      const entries = single === undefined ? [] : manifestsOf(single.content);
      const digest = built.find((entry) => entry.platform === platform)?.manifest.digest;
      // A tag with an architecture suffix may name anything; it counts only if it is ours and contains this very image.
      const isSame = single !== undefined && entries.some((entry) => entry.digest === digest);
      const counts = isSame && (await isTrustedDigest(repository, single.descriptor.digest, check));
      return [platform, counts ? single.descriptor : undefined] as const;
    }),
  );
  return {
    repository,
    index: document.descriptor,
    platforms: Object.fromEntries(
      platforms.flatMap(([platform, index]) => (index === undefined ? [] : [[platform, index]])),
    ),
  };
}

/** Its registry has the layers of the base already. */
function baseRepository({ annotations }: PlatformImage): Repository | undefined {
  try {
    return parseReference(annotations[ANNOTATION.baseName] ?? '');
  } catch {
    return undefined;
  }
}

async function pushImage(
  built: readonly PlatformImage[],
  index: StoredDocument,
  folder: string,
  first: Repository,
  repository: Repository,
  { registry, onStep }: PublishContext,
): Promise<void> {
  for (const platformImage of built) {
    // An interrupted release may have lost its folder, after it had pushed the image to the first repository.
    const source: ContentSource = isInFolder(folder, platformImage)
      ? { ...layoutContent(imageFolder(folder, platformImage)), repository: baseRepository(platformImage) }
      : registryContent(registry, first);
    const bytes = await copyContent(source, platformImage.index, registry, repository);
    onStep(
      `${platformImage.image} for ${platformImage.platform} to ${repository.registry}: ${Math.round(bytes / 1e6)} MB`,
    );
  }
  // Written last, because everything it refers to must exist.
  await registry.putDocument(repository, index.descriptor.digest, index);
}
