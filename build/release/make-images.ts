import { type ContentSource, layoutContent, registryContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import { type ImageIndex, isAttestation, platformOf, type StoredDocument } from '../oci/descriptor.ts';
import { hostPlatform } from '../oci/platform.ts';
import { parseReference, type Repository } from '../oci/reference.ts';
import { parseDocument, type Registry } from '../oci/registry.ts';
import { settle } from '../settle.ts';
import { VARIANT_IMAGES, type VariantImage } from '../spec/variant.ts';
import { pieceFolder } from './build-pieces.ts';
import { joinIndex } from './join-index.ts';
import type { Journal } from './journal.ts';
import type { ReleasePlan } from './plan-release.ts';
import type { PublishContext, PublishRequest } from './publish-request.ts';
import type { ReleaseLock } from './release-lock.ts';
import type { Piece, ReleasedImage, ReleaseRecord } from './release-record.ts';

/** What was verified and recorded is not built again: only copied to where it is missing. */
export function adoptImages(
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
export interface Making {
  readonly images: ReleaseRecord['images'];
  readonly deliver: () => Promise<void>;
}

export async function makeImages(
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
        if (published === undefined) return;
        const from = registryContent(registry, published.repository);
        for (const one of [...Object.values(published.platforms), published.index])
          await copyContent(from, one, registry, repository);
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
      await settle([verifyAll(context, journal), ...release.registries.map(fill)]);
    },
  };
}

/** Those of this processor side by side; emulated ones one after the other, because each takes all that there is. */
async function verifyAll({ verify }: PublishContext, journal: Journal): Promise<void> {
  const step = (piece: Piece): Promise<void> =>
    journal.step(`verified ${piece.image} for ${piece.platform}`, () => verify(piece));
  const { pieces } = journal.state();
  const isNative = ({ platform }: Piece): boolean => platform === hostPlatform();
  await settle(pieces.filter(isNative).map(step));
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
      .map(async ({ platform, tag }) => {
        const alone = await registry.document(repository, tag);
        const named = alone === undefined ? [] : (parseDocument<Partial<ImageIndex>>(alone.bytes).manifests ?? []);
        const wanted = pieces.find((piece) => piece.platform === platform)?.manifest.digest;
        // What stands under the tag of an architecture may be anything: it counts where it holds that very image.
        return [platform, named.some(({ digest }) => digest === wanted) ? alone?.descriptor : undefined] as const;
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
