import { sizeOf } from './compare-images.ts';
import type { ReadImage } from './image-summary.ts';

/** Images in the order in which a host gets them, such as the releases of a year. */
export interface ImageLine {
  readonly images: readonly {
    readonly name: string;
    readonly version: string;
    readonly created: string;
    /** Compressed bytes of all layers. */
    readonly size: number;
  }[];
  /** Every layer of any of them, in the order of the first image that has it. */
  readonly layers: readonly {
    readonly digest: string;
    readonly name: string;
    /** Compressed bytes. */
    readonly size: number;
    /** Whether each image has it. */
    readonly in: readonly boolean[];
  }[];
  readonly updates: readonly ImageUpdate[];
}

/** The update of a host from an image to the next one. */
export interface ImageUpdate {
  readonly from: string;
  readonly to: string;
  /** Compressed bytes of the layers that the host does not have. */
  readonly pulled: number;
  /** About the compressed bytes of the files that differ: another division into layers would not need much less. */
  readonly limit: number;
}

/** Compares images with the ones before them. Pure. */
export function imageLine(images: readonly ReadImage[]): ImageLine {
  const layers = new Map<string, { digest: string; name: string; size: number }>();
  for (const { summary } of images)
    for (const { digest, name, compressed } of summary.layers)
      if (!layers.has(digest)) layers.set(digest, { digest, name, size: compressed });
  const digests = images.map(({ summary }) => new Set(summary.layers.map(({ digest }) => digest)));
  return {
    images: images.map(({ summary: { name, version, created, size } }) => {
      return { name, version, created, size: size.compressed };
    }),
    layers: [...layers.values()].map((layer) => ({ ...layer, in: digests.map((own) => own.has(layer.digest)) })),
    updates: images.slice(1).map((image, index) => update(images[index] ?? image, image)),
  };
}

function update(
  { summary: from, contents: before }: ReadImage,
  { summary: to, contents: after, layers }: ReadImage,
): ImageUpdate {
  const existing = new Set(before.layers.map(({ digest }) => digest));
  // A file of a layer that the host has needs nothing, even if another layer hides it there.
  const isNew = (path: string): boolean => !existing.has(after.layers[layers.get(path) ?? -1]?.digest ?? '');
  const limit = [...after.files].reduce(
    (sum, [path, file]) =>
      isNew(path) && before.files.get(path)?.fingerprint !== file.fingerprint ? sum + (file.compressed ?? 0) : sum,
    0,
  );
  const pulled = sizeOf(after.layers.filter(({ digest }) => !existing.has(digest)));
  return { from: from.name, to: to.name, pulled, limit };
}

/** Versions, if they tell the images apart; else their names. */
export function imageTitles(images: ImageLine['images']): readonly string[] {
  const versions = new Set(images.map(({ version }) => version));
  return images.map(({ name, version }) => (versions.size === images.length && version !== '' ? version : name));
}
