import type { ImageFile, MergedLayers } from './merged-layers.ts';
import type { FileOwner } from './package-files.ts';

/** A part of an image, with everything below it. */
export interface ContentsNode {
  readonly name: string;
  /** `rest`: files that are too small to be listed. */
  readonly kind: 'image' | 'layer' | 'package' | 'folder' | 'file' | 'rest';
  /** Bytes. */
  readonly unpacked: number;
  readonly compressed: number;
  /** The largest first. Absent for files. */
  readonly children?: readonly ContentsNode[];
}

/** The smallest share of the image that a file or folder needs to be listed. A package is always listed. */
const SMALLEST_SHARE = 0.0002;

/**
 * The contents of an image as a tree: layers, their packages, and the folders and files of these. Pure.
 *
 * @param layerNames from the lowest layer
 * @param ownerOf the package of a file
 */
export function contentsTree(
  { files, layers }: Pick<MergedLayers, 'files' | 'layers'>,
  layerNames: readonly string[],
  ownerOf: (path: string) => FileOwner | undefined,
): ContentsNode {
  const byLayer = layerNames.map(() => new Map<string, { readonly label: string; readonly folder: Folder }>());
  let smallest = { unpacked: 0, compressed: 0 };
  for (const [path, file] of files) {
    const packages = byLayer[layers.get(path) ?? -1];
    if (file.size === 0 || packages === undefined) continue;
    smallest = {
      unpacked: smallest.unpacked + file.size * SMALLEST_SHARE,
      compressed: smallest.compressed + compressedBytes(file) * SMALLEST_SHARE,
    };
    const owner = ownerOf(path);
    const label = owner === undefined ? NO_PACKAGE : `${owner.name} ${owner.version}`;
    // A layer may have several copies of a version.
    const key = `${label} ${owner?.folder ?? ''}`;
    const { folder } = packages.get(key) ?? { folder: emptyFolder() };
    packages.set(key, { label, folder });
    const inside = owner === undefined || owner.folder === '' ? path : path.slice(owner.folder.length + 1);
    put(folder, inside.split('/'), file);
  }
  const children = byLayer.map((packages, number) =>
    nodeOf(
      layerNames[number] ?? '',
      'layer',
      [...packages.values()].map(({ label, folder }) => nodeOf(label, 'package', listed(folder, smallest))),
    ),
  );
  return nodeOf('image', 'image', children);
}

/** The name of the group of files that no package lists. */
const NO_PACKAGE = 'files of no package';

const compressedBytes = ({ compressed = 0 }: ImageFile): number => compressed;

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Map<string, ImageFile>;
}

const emptyFolder = (): Folder => ({ folders: new Map(), files: new Map() });

function put(folder: Folder, path: readonly string[], file: ImageFile): void {
  let at = folder;
  for (const name of path.slice(0, -1)) {
    const next = at.folders.get(name) ?? emptyFolder();
    at.folders.set(name, next);
    at = next;
  }
  at.files.set(path.at(-1) ?? '', file);
}

/** The nodes of a folder's contents. Those that are too small become one. */
function listed(folder: Folder, smallest: Pick<ContentsNode, 'unpacked' | 'compressed'>): readonly ContentsNode[] {
  const all = [
    ...[...folder.folders].map(([name, inner]) => folderNode(name, inner, smallest)),
    ...[...folder.files].map(([name, file]): ContentsNode => {
      return { name, kind: 'file', unpacked: file.size, compressed: compressedBytes(file) };
    }),
  ];
  const isLarge = ({ unpacked, compressed }: ContentsNode): boolean =>
    unpacked >= smallest.unpacked || compressed >= smallest.compressed;
  const small = all.filter((node) => !isLarge(node));
  // One name says more than "1 smaller file".
  if (small.length < 2) return all;
  const { children: _, ...rest } = nodeOf(`${small.length} smaller files and folders`, 'rest', small);
  return [...all.filter(isLarge), rest];
}

/** A folder with a single folder in it is one node: `dist/control-ui`. */
function folderNode(
  name: string,
  folder: Folder,
  smallest: Pick<ContentsNode, 'unpacked' | 'compressed'>,
): ContentsNode {
  const [only] = folder.folders;
  if (folder.files.size === 0 && folder.folders.size === 1 && only !== undefined)
    return folderNode(`${name}/${only[0]}`, only[1], smallest);
  return nodeOf(name, 'folder', listed(folder, smallest));
}

function nodeOf(name: string, kind: ContentsNode['kind'], children: readonly ContentsNode[]): ContentsNode {
  return {
    name,
    kind,
    unpacked: children.reduce((sum, child) => sum + child.unpacked, 0),
    compressed: children.reduce((sum, child) => sum + child.compressed, 0),
    children: kind === 'image' ? children : children.toSorted((a, b) => b.unpacked - a.unpacked),
  };
}
