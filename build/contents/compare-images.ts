import type { ImageContents, ImageLayer } from './image-contents.ts';
import type { ImageFile } from './merged-layers.ts';

/** The differences between two maps, sorted by key. */
export interface Difference<T> {
  readonly added: readonly { readonly name: string; readonly now: T }[];
  readonly changed: readonly { readonly name: string; readonly before: T; readonly now: T }[];
  readonly removed: readonly { readonly name: string; readonly before: T }[];
}

export interface ImageDifference {
  /** Layers of the second image: those that the first one has too, and those that a host must pull. */
  readonly layers: { readonly shared: readonly ImageLayer[]; readonly pulled: readonly ImageLayer[] };
  /** Compressed bytes. */
  readonly bytesToPull: number;
  /** Compressed bytes of all layers. */
  readonly size: { readonly before: number; readonly after: number };
  readonly files: Difference<ImageFile>;
  readonly debian: Difference<string>;
  readonly npm: Difference<string>;
}

/** Compares two images, for a host that has the first and pulls the second. */
export function compareImages(first: ImageContents, second: ImageContents): ImageDifference {
  const existing = new Set(first.layers.map(({ digest }) => digest));
  const pulled = second.layers.filter(({ digest }) => !existing.has(digest));
  return {
    layers: { shared: second.layers.filter(({ digest }) => existing.has(digest)), pulled },
    bytesToPull: sizeOf(pulled),
    size: { before: sizeOf(first.layers), after: sizeOf(second.layers) },
    files: difference(first.files, second.files, (a, b) => a.fingerprint === b.fingerprint),
    debian: difference(first.debian, second.debian, Object.is),
    npm: difference(first.npm, second.npm, Object.is),
  };
}

/** Compressed bytes. */
export const sizeOf = (layers: readonly ImageLayer[]): number => layers.reduce((sum, { size }) => sum + size, 0);

/** Compares two maps. */
export function difference<T>(
  first: ReadonlyMap<string, T>,
  second: ReadonlyMap<string, T>,
  same: (a: T, b: T) => boolean,
): Difference<T> {
  const added: { name: string; now: T }[] = [];
  const changed: { name: string; before: T; now: T }[] = [];
  for (const [name, now] of [...second].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const before = first.get(name);
    if (before === undefined) added.push({ name, now });
    else if (!same(before, now)) changed.push({ name, before, now });
  }
  const removed = [...first]
    .filter(([name]) => !second.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, before]) => ({ name, before }));
  return { added, changed, removed };
}
