import { compareImages, type Difference } from '../contents/compare-images.ts';
import { readLayers } from '../contents/image-contents.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';

/** One platform of an image, and where its layers can be read. */
export interface LayerSource {
  readonly layers: readonly Descriptor[];
  readonly source: Pick<ContentSource, 'open'>;
}

/** A layer of a published image, and the layer of the rebuilt image in the same place. */
export interface LayerResult {
  /** From 1, lowest first. */
  readonly number: number;
  readonly status: 'equal' | 'differs' | 'missing here' | 'missing there';
  readonly published?: string | undefined;
  readonly rebuilt?: string | undefined;
  /** The first differing files and packages: `changed app/dist/a.js`, `curl 7.88.1-1 → 7.88.1-2`. */
  readonly differences: readonly string[];
}

/** More would hide the first ones. */
const MOST_DIFFERENCES = 10;

/**
 * Compares two images layer by layer, by digest; and the files and packages of layers whose digests differ.
 *
 * @returns a result for each layer, lowest first
 */
export async function compareLayers(
  published: LayerSource,
  rebuilt: LayerSource,
  onStep: (step: string) => void,
): Promise<readonly LayerResult[]> {
  const results: LayerResult[] = [];
  for (let index = 0; index < Math.max(published.layers.length, rebuilt.layers.length); index += 1) {
    const [theirs, ours] = [published.layers[index], rebuilt.layers[index]];
    const result = { number: index + 1, published: theirs?.digest, rebuilt: ours?.digest, differences: [] };
    if (theirs === undefined || ours === undefined) {
      results.push({ ...result, status: theirs === undefined ? 'missing there' : 'missing here' });
    } else if (theirs.digest === ours.digest) {
      results.push({ ...result, status: 'equal' });
    } else {
      onStep(`comparing the files of layer ${index + 1}`);
      const [before, after] = [
        await readLayers(published.source, [theirs], theirs.digest),
        await readLayers(rebuilt.source, [ours], ours.digest),
      ];
      const { files, debian, npm } = compareImages(before, after);
      // Debian serves one version of each package.
      const served = debian.changed.map(
        ({ name, before: from, now }) => `${name} ${from} → ${now}: Debian no longer serves the first`,
      );
      const packages = [...served, ...versions({ ...debian, changed: [] }), ...versions(npm)];
      const changed = paths(files);
      // Half of the places are for files: many packages must not hide a file that somebody changed.
      const places = Math.max(MOST_DIFFERENCES / 2, MOST_DIFFERENCES - changed.length);
      const found = [...packages.slice(0, places), ...changed].slice(0, MOST_DIFFERENCES);
      const differences = found.length === 0 ? ['only times, the order of files, or the compression'] : found;
      results.push({ ...result, status: 'differs', differences });
    }
  }
  return results;
}

const versions = ({ added, changed, removed }: Difference<string>): readonly string[] => [
  ...changed.map(({ name, before, now }) => `${name} ${before} → ${now}`),
  ...added.map(({ name, now }) => `${name} ${now} only here`),
  ...removed.map(({ name, before }) => `${name} ${before} only there`),
];

const paths = ({ added, changed, removed }: Difference<unknown>): readonly string[] => [
  ...changed.map(({ name }) => `${name} differs`),
  ...added.map(({ name }) => `${name} only here`),
  ...removed.map(({ name }) => `${name} only there`),
];
