import type { Platform } from '../oci/platform.ts';
import { bytes } from '../units.ts';
import { type ReadImage, summarize } from './image-summary.ts';
import { namesPackages } from './installed-packages.ts';
import { type LayerEntry, layerReader } from './layer-entries.ts';
import { type ImageLocation, type ImagePlaces, withImage } from './open-image.ts';
import { listsFiles } from './package-files.ts';

/**
 * Reads images in order. A layer that several of them have is read once.
 *
 * @param onStep receives what is being read
 * @param signal ends the reading before the next layer
 * @throws WorkError if an image is missing or not valid
 */
export async function readImages(
  locations: readonly ImageLocation[],
  places: ImagePlaces,
  platform: Platform | undefined,
  onStep: (step: string) => void,
  signal?: AbortSignal,
): Promise<readonly ReadImage[]> {
  const known = new Map<string, readonly LayerEntry[]>();
  const images: ReadImage[] = [];
  for (const location of locations) {
    const read = await withImage(location, places, platform, async (image) => {
      const { layers } = image.manifest;
      const unknown = layers.filter(({ digest }) => !known.has(digest));
      const amount = unknown.reduce((sum, { size }) => sum + size, 0);
      onStep(`reading ${unknown.length} of ${layers.length} layers of ${image.name} (${bytes(amount)})`);
      const readLayer = layerReader(image.source, WANTED);
      for (const layer of unknown) {
        signal?.throwIfAborted();
        known.set(layer.digest, await readLayer(layer));
      }
      return summarize(
        image,
        layers.map(({ digest }) => known.get(digest) ?? []),
      );
    });
    images.push(read);
  }
  return images;
}

const WANTED = {
  texts: (path: string) => namesPackages(path) || listsFiles(path),
  fingerprints: true,
  compressed: true,
};
