import { ANNOTATION } from '../oci/annotations.ts';
import { addToLayout, fetchBlob, layoutContent } from '../oci/content.ts';
import { asOciLayer, type Descriptor, type ImageManifest, storeDocument } from '../oci/descriptor.ts';
import { parseImageConfig } from '../oci/document.ts';
import type { Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { type RegistryImage, readRegistryImage } from './registry-image.ts';

/** An image in a layout folder. */
export interface LayoutImage {
  readonly manifest: Descriptor;
  readonly content: ImageManifest;
}

/**
 * Gives the layers of the base the bytes that its registry has. BuildKit compresses them again if their compression differs from the
 * requested one. Everybody would pull them again, also with the base at hand.
 *
 * @param image built image, whose annotations name the base
 * @param runBase that it is built on, by digest
 * @returns the same image if it has the base's bytes already, or if no registry has the base
 * @throws WorkError if a layer of the base cannot be fetched
 */
export async function withBaseLayers(
  layout: string,
  image: LayoutImage,
  platform: Platform,
  registry: Registry,
  onStep: (step: string) => void,
  runBase?: string,
): Promise<LayoutImage> {
  const { annotations = {} } = image.content;
  const { [ANNOTATION.baseName]: name = '', [ANNOTATION.baseDigest]: ownDigest = '' } = annotations;
  const below = parseReference(runBase ?? `${name}@${ownDigest}`);
  const base = await readRegistryImage(registry, below, below.digest ?? '', platform).catch((error: unknown) => {
    // The engine may have the base although this host cannot reach its registry, for example by a mirror.
    if (!(error instanceof WorkError)) throw error;
    onStep(`the layers of the base stay as they were built: ${error.failure.reason}`);
    return undefined;
  });
  const source = layoutContent(layout);
  const { config, layers } = image.content;
  const { diff_ids: ids } = parseImageConfig(await source.blob(config.digest), config.digest).rootfs;
  const lowest = base === undefined ? [] : sharedLayers(base, ids);
  const changed = lowest.filter(({ digest: wanted }, index) => layers[index]?.digest !== wanted);
  if (base === undefined || changed.length === 0) return image;
  const size = changed.reduce((sum, layer) => sum + layer.size, 0);
  onStep(`taking ${changed.length} layers of the base from its registry (${Math.round(size / 1e6)} MB)`);
  for (const layer of changed) await fetchBlob(base.source, layer, layout);
  const content = { ...image.content, layers: [...lowest, ...layers.slice(lowest.length)] };
  const document = storeDocument(content);
  await addToLayout(layout, document);
  return { manifest: { ...image.manifest, ...document.descriptor }, content };
}

/** The base's layers if the image is built on them; else none. @param ids diff_ids of the image: digests of uncompressed layers */
function sharedLayers({ manifest, config }: RegistryImage, ids: readonly string[]): readonly Descriptor[] {
  const below = config.rootfs.diff_ids;
  const isBelow = below.every((id, index) => id === ids[index]) && below.length === manifest.layers.length;
  return isBelow ? manifest.layers.map(asOciLayer) : [];
}
