import { createHash } from 'node:crypto';
import type { LockedPackage } from './dependency-lock.ts';

/** A layer of folders of `/app/node_modules`. */
export interface DependencyLayer {
  readonly name: string;
  /** For people. */
  readonly holds: string;
  /** Where a build lays it out, below the folder of all layers. */
  readonly path: string;
  /** Folders of node_modules that go there, where they are installed. */
  readonly folders: readonly string[];
  /** Says what is in it: equal for equal packages. */
  readonly key: string;
  /** How many gateways were locked here, one after the other, since its packages changed. */
  readonly age: number;
}

/** A layer of its own is worth it from here on: a smaller package costs less to send again than a layer costs to keep. */
const LARGE = 600_000;
/** Overlay file systems take 127 layers; the base, the system and the gateway need theirs. */
const MOST_LARGE = 24;
/**
 * Small packages are spread by their names, so that one that changes takes few others with it. Over the 16 newest releases of
 * the gateway, these numbers have 27,000 files of dependencies made anew; one layer for all of them has 91,000.
 */
const SPREAD = { ranged: 4, pinned: 8 } as const;

/**
 * Which layers the dependencies go to, lowest first: what changes least, lowest.
 *
 * The gateway pins what it depends on, so that a new version of it brings new versions of those. What they ask for by a range
 * stays as it is locked, and lies below.
 * @param sizes bytes of each tarball, by its address; one that is not known counts as small
 * @param earlier the layers of the gateway that was locked before
 */
export function dependencyLayers(
  packages: readonly LockedPackage[],
  sizes: ReadonlyMap<string, number>,
  earlier: readonly DependencyLayer[],
): readonly DependencyLayer[] {
  const folders = new Map<string, Folder>();
  for (const { folder, location, tarball, pinned, version } of packages) {
    const known = folders.get(folder) ?? { pinned: false, size: 0, contents: [] };
    folders.set(folder, {
      pinned: known.pinned || (pinned && location === `node_modules/${folder}`),
      size: known.size + (sizes.get(tarball) ?? 0),
      contents: [...known.contents, `${location}@${version}`],
    });
  }
  const ages = new Map(earlier.map(({ path, key, age }) => [`${path} ${key}`, age + 1]));
  const layer = (path: string, name: string, holds: string, within: readonly string[]): DependencyLayer => {
    const contents = within.flatMap((folder) => folders.get(folder)?.contents ?? []).sort();
    const key = createHash('sha256').update(contents.join(' ')).digest('hex').slice(0, 16);
    return { name, holds, path, folders: within, key, age: ages.get(`${path} ${key}`) ?? 0 };
  };
  const large = [...folders]
    .filter(([, { size }]) => size >= LARGE)
    .sort(([a, { size: of }], [b, { size }]) => size - of || a.localeCompare(b))
    .slice(0, MOST_LARGE)
    .map(([folder]) => folder);
  const inLarge = new Set(large);

  return (['ranged', 'pinned'] as const).flatMap((kind) => {
    const isOfKind = (folder: string): boolean => folders.get(folder)?.pinned === (kind === 'pinned');
    const small = [...folders.keys()].filter((folder) => isOfKind(folder) && !inLarge.has(folder)).sort();
    const parts = Array.from({ length: SPREAD[kind] }, (_, index) =>
      small.filter((folder) => spread(folder, SPREAD[kind]) === index),
    );
    return [
      ...large.filter(isOfKind).map((folder) => layer(`large/${folder}`, folder, 'a large dependency', [folder])),
      ...parts.flatMap((part, index) =>
        part.length === 0 ? [] : [layer(`${kind}/${index + 1}`, `${kind}-${index + 1}`, HOLDS[kind], part)],
      ),
    ];
  });
}

interface Folder {
  readonly pinned: boolean;
  /** Bytes of the tarballs of all that it holds. */
  readonly size: number;
  /** `node_modules/a@1.0.0` */
  readonly contents: readonly string[];
}

/**
 * What has not changed for longest, lowest: an engine unpacks, and an older one pulls, every layer above the first that is new.
 */
export const byAge = (layers: readonly DependencyLayer[]): readonly DependencyLayer[] =>
  [...layers].sort((a, b) => b.age - a.age);

const HOLDS = {
  ranged: 'small dependencies that are asked for by a range',
  pinned: 'small dependencies that the gateway pins',
} as const;

/** A number below `parts`, by the name alone: whatever else comes and goes, a package keeps its layer. */
const spread = (name: string, parts: number): number =>
  createHash('sha256').update(name).digest().readUInt32BE() % parts;

/** What a build reads: a layer's path and its folders to a line. */
export const layerList = (layers: readonly DependencyLayer[]): string =>
  layers.map(({ path, folders }) => `${[path, ...folders].join(' ')}\n`).join('');
