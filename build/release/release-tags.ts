import { parseReference, type Repository } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { VARIANT_IMAGES, VARIANTS, type Variant, variantTag } from '../spec/variant.ts';
import type { PlannedTag, PlanState } from './plan-release.ts';
import type { RecordedTag, ReleaseRecord } from './release-record.ts';

/** The digest that a planned tag gets. */
export function digestOfTag({ variant, platform, tag }: PlannedTag, images: ReleaseRecord['images']): string {
  const image = images[VARIANT_IMAGES[variant]];
  const descriptor = platform === undefined ? image?.index : image?.platforms[platform];
  if (descriptor === undefined) throw new Error(`the release has no image for the tag ${tag}`);
  return descriptor.digest;
}

/** The variants of a release, and those of a channel whose image it has too: `slim` is another name of the default. */
export const channelVariants = (
  channel: string,
  { variants, images }: Pick<ReleaseRecord, 'variants' | 'images'>,
  published: NonNullable<PlanState['published']>,
): readonly Variant[] =>
  VARIANTS.filter((variant) => {
    const tag = variantTag(channel, variant);
    const isInUse = Object.values(published).some((existing) => existing[tag] !== undefined);
    return variants.includes(variant) || (isInUse && images[VARIANT_IMAGES[variant]] !== undefined);
  });

/** Lets a tag name an image that the repository has. */
export async function putTag(registry: Registry, repository: Repository, tag: string, digest: string): Promise<void> {
  const document = await registry.document(repository, digest);
  if (document === undefined) throw new Error(`${atDigest(repository, digest)} was checked, but does not exist`);
  await registry.putDocument(repository, tag, document);
}

/** Reads every tag back from every registry. The last step, and never skipped. @throws WorkError with every other tag */
export async function assertTags(
  tags: readonly Pick<RecordedTag, 'registry' | 'tag' | 'digest'>[],
  registry: Pick<Registry, 'document'>,
  onStep: (step: string) => void,
): Promise<void> {
  onStep('reading every tag back');
  const problems = await Promise.all(
    tags.map(async ({ registry: name, tag, digest }) => {
      const document = await registry.document(parseReference(name), tag);
      return document?.descriptor.digest === digest
        ? []
        : [`${name}:${tag} is ${document?.descriptor.digest ?? 'missing'}`];
    }),
  );
  if (problems.flat().length === 0) return;
  throw new WorkError({
    kind: 'read-back',
    title: 'A tag does not name the released image',
    reason: problems.flat().join('; '),
    hint: 'run the same command again; if it fails again, another process writes these tags',
  });
}
