import { ANNOTATION } from '../oci/annotations.ts';
import type { StoredConfig } from '../oci/document.ts';
import { type ContentsNode, contentsTree } from './contents-tree.ts';
import type { ImageContents } from './image-contents.ts';
import { type InstalledPackage, installedPackages, versionsByName } from './installed-packages.ts';
import type { LayerEntry } from './layer-entries.ts';
import { type MergedLayers, mergeEntries, type ReplacedFile } from './merged-layers.ts';
import type { OpenImage } from './open-image.ts';
import { type FileOwner, packageOfFiles } from './package-files.ts';
import { requirersOf } from './requirers.ts';

/** The contents of an image. Sizes are bytes. */
export interface ImageSummary {
  readonly name: string;
  readonly place: OpenImage['place'];
  readonly digest: string;
  readonly platform: string;
  /** Version of the gateway; empty without the annotation. */
  readonly version: string;
  /** ISO 8601; empty if the image does not say. */
  readonly created: string;
  readonly size: Sizes;
  /** The lowest first. */
  readonly layers: readonly LayerSummary[];
  /** Bytes of files that a later layer replaces or removes. */
  readonly waste: {
    readonly bytes: number;
    /** Share of the unpacked bytes that all layers write, from 0 to 1. */
    readonly share: number;
    readonly count: number;
    /** The largest ones. */
    readonly files: readonly ReplacedFile[];
  };
  readonly packages: readonly PackageSummary[];
  readonly largest: readonly LargePart[];
}

interface Sizes {
  readonly compressed: number;
  readonly unpacked: number;
}

export interface LayerSummary extends Sizes {
  readonly digest: string;
  readonly name: string;
  readonly files: number;
}

export interface PackageSummary extends Sizes {
  readonly kind: InstalledPackage['kind'];
  readonly name: string;
  readonly version: string;
}

/** One of the largest packages, or a folder of the gateway or of no package. */
export interface LargePart extends Sizes {
  readonly name: string;
  /** The chain of packages that ask for it: `openclaw 2026.9.6`, `@google/genai 2.22.0`. Empty if no package does. */
  readonly why: readonly string[];
  /** The name of the layer that has its first file. */
  readonly layer: string;
}

/** An image as it was read: a summary, and everything that comparisons need. */
export interface ReadImage {
  readonly summary: ImageSummary;
  readonly tree: ContentsNode;
  readonly contents: ImageContents;
  /** Number of the layer of each file, from 0. */
  readonly layers: ReadonlyMap<string, number>;
}

const MOST_WASTE = 50;
const MOST_LARGE = 10;

/**
 * Summarizes an image. Pure.
 *
 * @param layers entries of its layers, the lowest first, with compressed bytes and the texts of `namesPackages` and `listsFiles`
 */
export function summarize(image: OpenImage, layers: readonly (readonly LayerEntry[])[]): ReadImage {
  const merged = mergeEntries(layers);
  const variables = image.config.config?.Env ?? [];
  const installed = installedPackages(merged, variables);
  const ownerOf = packageOfFiles(merged, variables);
  const names = layerNames(image.config);
  const { digest, manifest, config, name } = image;
  const summaries = manifest.layers.map((layer, index): LayerSummary => {
    const files = (layers[index] ?? []).filter((entry) => entry.kind === 'file' || entry.kind === 'link');
    const unpacked = files.reduce((sum, entry) => sum + ('size' in entry ? entry.size : 0), 0);
    return { digest: layer.digest, name: names[index] ?? '', compressed: layer.size, unpacked, files: files.length };
  });
  const { written, replaced } = merged.bytes;
  return {
    summary: {
      ...{ name, place: image.place, digest, platform: image.platform },
      version: config.config?.Labels?.[ANNOTATION.version] ?? '',
      created: config.created ?? '',
      size: {
        compressed: summaries.reduce((sum, layer) => sum + layer.compressed, 0),
        unpacked: summaries.reduce((sum, layer) => sum + layer.unpacked, 0),
      },
      layers: summaries,
      waste: {
        bytes: replaced,
        share: written === 0 ? 0 : replaced / written,
        count: merged.replaced.length,
        files: merged.replaced.toSorted((a, b) => b.size - a.size).slice(0, MOST_WASTE),
      },
      packages: packageSizes(merged, installed, ownerOf),
      largest: largestParts(merged, names, ownerOf),
    },
    tree: contentsTree(
      merged,
      summaries.map((layer) => layer.name),
      ownerOf,
    ),
    contents: {
      reference: name,
      layers: manifest.layers.map((layer) => ({ digest: layer.digest, size: layer.size })),
      files: merged.files,
      ...versionsByName(installed),
    },
    layers: merged.layers,
  };
}

/** The names of layers, from the instructions that made them. Source: OCI image-spec, config.md, "history" */
function layerNames({ rootfs, history }: StoredConfig): readonly string[] {
  const instructions = (history ?? []).filter((entry) => entry.empty_layer !== true);
  // An incomplete history does not say which instruction made which layer.
  const isComplete = instructions.length === rootfs.diff_ids.length;
  return rootfs.diff_ids.map((_, index) => {
    const name = isComplete ? instructionName(instructions[index]?.created_by ?? '') : '';
    return name === '' ? `layer ${index + 1}` : name;
  });
}

const LONGEST_NAME = 60;

/** `COPY /finished/large/openai / # buildkit` → `openai`; `RUN |1 A=b /bin/sh -c apt_install curl` → `apt_install curl` */
export function instructionName(instruction: string): string {
  const text = instruction
    .replace(/ # buildkit$/, '')
    .replace(/^RUN \|\d+ (?:\w+=\S* )*/, 'RUN ')
    .replace(/^(?:RUN )?\/bin\/sh -c (?:#\(nop\) )?/, '')
    .replace(/^\. \/helpers\/prelude\.sh\s*/, '')
    .replace(/\s+/g, ' ')
    .trim();
  const [, copied] = /^COPY (?:--\S+ )*\/finished\/(?:large\/)?(\S+?)\/? \/$/.exec(text) ?? [];
  if (copied !== undefined) return copied;
  return text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text;
}

const keyOf = ({ kind, name, version }: Pick<PackageSummary, 'kind' | 'name' | 'version'>): string =>
  `${kind} ${name} ${version}`;

/** The packages with the bytes of their files, the largest first. */
function packageSizes(
  { files }: MergedLayers,
  installed: readonly InstalledPackage[],
  ownerOf: (path: string) => FileOwner | undefined,
): readonly PackageSummary[] {
  const sizes = new Map<string, Writable<PackageSummary>>();
  for (const { kind, name, version } of installed)
    sizes.set(keyOf({ kind, name, version }), { kind, name, version, compressed: 0, unpacked: 0 });
  for (const [path, { size, compressed = 0 }] of files) {
    const owner = ownerOf(path);
    // The gateway is an npm package too.
    const sum = owner && sizes.get(keyOf({ ...owner, kind: owner.kind === 'gateway' ? 'npm' : owner.kind }));
    if (sum === undefined) continue;
    sum.compressed += compressed;
    sum.unpacked += size;
  }
  return [...sizes.values()].sort((a, b) => b.compressed - a.compressed || (a.name < b.name ? -1 : 1));
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** The gateway is too large to be one part: each of its folders is one. */
function largestParts(
  merged: MergedLayers,
  layers: readonly string[],
  ownerOf: (path: string) => FileOwner | undefined,
): readonly LargePart[] {
  const parts = new Map<string, { readonly owner: FileOwner | undefined; readonly layer: string } & Writable<Sizes>>();
  for (const [path, { size, compressed = 0 }] of merged.files) {
    const owner = ownerOf(path);
    const name = partName(path, owner);
    const layer = layers[merged.layers.get(path) ?? 0] ?? '';
    const part = parts.get(name) ?? { owner, layer, compressed: 0, unpacked: 0 };
    part.compressed += compressed;
    part.unpacked += size;
    parts.set(name, part);
  }
  return [...parts]
    .sort(([, a], [, b]) => b.compressed - a.compressed)
    .slice(0, MOST_LARGE)
    .map(([name, { owner, layer, compressed, unpacked }]) => {
      const requirers = owner === undefined ? [] : requirersOf(merged, `${owner.name}@${owner.version}`);
      const why = requirers.find(({ kind }) => kind === owner?.kind)?.chains[0]?.slice(0, -1) ?? [];
      return { name, compressed, unpacked, why, layer };
    });
}

function partName(path: string, owner: FileOwner | undefined): string {
  // Two folders: /opt/model, /home/node.
  if (owner === undefined) return `/${path.split('/').slice(0, 2).join('/')}`;
  if (owner.kind !== 'gateway') return `${owner.name} ${owner.version}`;
  return `${owner.name}: ${path.slice(owner.folder.length + 1).split('/')[0] ?? ''}`;
}
