import { createHash } from 'node:crypto';
import type { LockedPackage } from './dependency-lock.ts';

/** A layer with folders of `/app/node_modules`. */
export interface DependencyLayer {
  readonly name: string;
  /** Contents, for people. */
  readonly holds: string;
  /** Path of the layer's files during the build, below the folder of all layers. */
  readonly path: string;
  /** The folders of node_modules in this layer, if they are installed. */
  readonly folders: readonly string[];
  /** Identifies the contents: equal for equal packages. */
  readonly key: string;
  /** Number of consecutive gateways locked on this host whose packages in this layer were the same. */
  readonly age: number;
}

/** Minimum size of a package with its own layer: sending a smaller package again costs less than keeping a layer. */
const LARGE = 600_000;
/** Overlay file systems allow 127 layers, which include those of the base, the system and the gateway. */
const MOST_LARGE = 24;
/**
 * Small packages are distributed over layers by name, so that a changed package affects few others. Over the 16 newest releases of
 * the gateway, these numbers rewrite 27,000 files of dependencies; one layer for all of them rewrites 91,000.
 */
const SPREAD = { ranged: 4, pinned: 8 } as const;

/**
 * Assigns dependencies to layers. The layers that change least are lowest.
 *
 * The gateway pins its direct dependencies, so a new version of it brings new versions of them. Dependencies that those request by
 * a range keep their locked version, so their layers are lower.
 * @param sizes bytes of each tarball, by address; a tarball of unknown size counts as small
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
  /** Total bytes of the tarballs in the folder. */
  readonly size: number;
  /** `node_modules/a@1.0.0` */
  readonly contents: readonly string[];
}

/**
 * Sorts layers by age, oldest lowest: an engine unpacks every layer above the first new one again.
 */
export const byAge = (layers: readonly DependencyLayer[]): readonly DependencyLayer[] =>
  [...layers].sort((a, b) => b.age - a.age);

const HOLDS = {
  ranged: 'small dependencies requested by a version range',
  pinned: 'small dependencies that the gateway pins',
} as const;

/** A number below `parts` that depends on the name only, so a package keeps its layer when others come and go. */
const spread = (name: string, parts: number): number =>
  createHash('sha256').update(name).digest().readUInt32BE() % parts;

/** The list that a build reads: one line per layer, with its path and its folders. */
export const layerList = (layers: readonly DependencyLayer[]): string =>
  layers.map(({ path, folders }) => `${[path, ...folders].join(' ')}\n`).join('');
