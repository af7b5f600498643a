import { type Difference, difference } from '../contents/compare-images.ts';
import { installedPackages, namesPackages, versionsByName } from '../contents/installed-packages.ts';
import { layerReader } from '../contents/layer-entries.ts';
import { mergeEntries } from '../contents/merged-layers.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { ImageConfig } from '../oci/document.ts';
import { printable } from '../printable.ts';

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
  for (const [index, [theirs, ours]] of pairLayers(published.layers, rebuilt.layers).entries()) {
    const result = { number: index + 1, published: theirs?.digest, rebuilt: ours?.digest };
    if (theirs?.digest === ours?.digest) {
      results.push({ ...result, status: 'equal', differences: [] });
      continue;
    }
    onStep(`comparing the files of layer ${index + 1}`);
    const status = theirs === undefined ? 'missing there' : ours === undefined ? 'missing here' : 'differs';
    const found = differencesOf(await readLayer(published, theirs), await readLayer(rebuilt, ours));
    const nothing = status === 'differs' ? 'only times, the order of files, or the compression' : 'no files';
    results.push({ ...result, status, differences: found.length === 0 ? [nothing] : found });
  }
  return results;
}

type LayerPair = readonly [theirs: Descriptor | undefined, ours: Descriptor | undefined];

/**
 * Puts the layers of two images beside each other: equal ones first, so that an inserted layer does not shift all others; those between
 * them in their order.
 */
function pairLayers(theirs: readonly Descriptor[], ours: readonly Descriptor[]): readonly LayerPair[] {
  // The lengths of the longest common subsequences of both ends.
  const lengths = [...theirs, undefined].map(() => new Array<number>(ours.length + 1).fill(0));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  const isSame = (i: number, j: number): boolean => theirs[i]?.digest === ours[j]?.digest;
  for (let i = theirs.length - 1; i >= 0; i -= 1)
    for (let j = ours.length - 1; j >= 0; j -= 1)
      lengths[i]?.splice(j, 1, isSame(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1)));
  const pairs: LayerPair[] = [];
  let left: Descriptor[] = [];
  let right: Descriptor[] = [];
  const pairOthers = (): void => {
    for (let k = 0; k < Math.max(left.length, right.length); k += 1) pairs.push([left[k], right[k]]);
    left = [];
    right = [];
  };
  for (let i = 0, j = 0; i < theirs.length || j < ours.length; ) {
    const [their, our] = [theirs[i], ours[j]];
    if (their !== undefined && our !== undefined && isSame(i, j)) {
      pairOthers();
      pairs.push([their, our]);
      i += 1;
      j += 1;
    } else if (their !== undefined && (our === undefined || at(i + 1, j) >= at(i, j + 1))) {
      left.push(their);
      i += 1;
    } else if (our !== undefined) {
      right.push(our);
      j += 1;
    }
  }
  pairOthers();
  return pairs;
}

/** Contents of a layer, for a comparison. */
interface ComparedLayer {
  /** By path: the fingerprints of all its entries. A whiteout counts as an entry `removal of PATH`. */
  readonly entries: ReadonlyMap<string, string>;
  /** Debian packages: name → version. */
  readonly debian: ReadonlyMap<string, string>;
  /** npm packages: name → versions. */
  readonly npm: ReadonlyMap<string, string>;
}

async function readLayer({ source }: LayerSource, layer: Descriptor | undefined): Promise<ComparedLayer> {
  const read = layerReader(source, { texts: namesPackages, fingerprints: true });
  const found = layer === undefined ? [] : await read(layer);
  const entries = new Map<string, string>();
  // Engines unpack the last of several entries of a path, but tools may show the first.
  for (const entry of found) {
    const name =
      entry.kind === 'whiteout' ? `removal of ${entry.isOpaque ? `all in /${entry.path}` : entry.path}` : entry.path;
    const fingerprint = entry.kind === 'whiteout' ? '' : entry.fingerprint;
    entries.set(name, entries.has(name) ? `${entries.get(name)}\n${fingerprint}` : fingerprint);
  }
  return { entries, ...versionsByName(installedPackages(mergeEntries([found]))) };
}

/** @returns the first packages and files that differ */
function differencesOf(theirs: ComparedLayer, ours: ComparedLayer): readonly string[] {
  const [debian, npm, entries] = (['debian', 'npm', 'entries'] as const).map((kind) =>
    difference(theirs[kind], ours[kind], Object.is),
  ) as [Difference<string>, Difference<string>, Difference<string>];
  // Debian serves one version of each package.
  const served = debian.changed.map(
    ({ name, before: from, now }) => `${name} ${from} → ${now}: Debian no longer serves the first`,
  );
  const packages = [...served, ...versions({ ...debian, changed: [] }), ...versions(npm)];
  const changed = paths(entries);
  // Half of the places are for files: many packages must not hide a file that somebody changed.
  const places = Math.max(MOST_DIFFERENCES / 2, MOST_DIFFERENCES - changed.length);
  return [...packages.slice(0, places), ...changed].slice(0, MOST_DIFFERENCES);
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

/**
 * Compares the settings of two images: user, command, environment, labels.
 *
 * @returns the settings that differ: `Entrypoint: ["tini"] there, ["sh"] here`
 */
export function compareSettings(published: ImageConfig, rebuilt: ImageConfig): readonly string[] {
  const { added, changed, removed } = difference(settingsOf(published), settingsOf(rebuilt), Object.is);
  return [
    ...changed.map(({ name, before, now }) => `${name}: ${before} there, ${now} here`),
    ...added.map(({ name, now }) => `${name}: ${now} only here`),
    ...removed.map(({ name, before }) => `${name}: ${before} only there`),
  ].map(printable);
}

/** Each label and each variable is a setting. */
function settingsOf({ os, architecture, config = {} }: ImageConfig): ReadonlyMap<string, string> {
  const { Labels, Env, ...others } = config;
  // Docker writes null for an empty list.
  const fields = Object.entries({ os, architecture, ...others }).filter(([, value]) => value !== null);
  const settings = new Map(fields.map(([name, value]) => [name, JSON.stringify(value)]));
  for (const [name, value] of Object.entries(Labels ?? {})) settings.set(`label ${name}`, value);
  for (const entry of Env ?? []) {
    const [name, value] = [`variable ${entry.replace(/=.*/s, '')}`, entry.replace(/^[^=]*=/, '')];
    // A repeated variable: programs may take the first or the last.
    settings.set(name, settings.has(name) ? `${settings.get(name)}, ${value}` : value);
  }
  return settings;
}
