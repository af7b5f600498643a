import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { invalidContent } from '../oci/document.ts';
import { type LayerEntry, LONGEST_PATH, layerReader, type WantedContents } from './layer-entries.ts';

/** A file of an image. Equal fingerprints mean equal content, owner and mode. */
export interface ImageFile {
  /** Bytes; 0 for other types than files. */
  readonly size: number;
  /** Share of its layer's compressed bytes; absent if not requested. */
  readonly compressed?: number;
  /** Type, mode, owner, and the SHA-256 of the content or the link target. Empty if not requested. */
  readonly fingerprint: string;
}

/** A file that a later layer replaces or removes: a host pulls it for nothing. */
export interface ReplacedFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Numbers of the layer that wrote it, and of the one that replaces or removes it, from 0. */
  readonly layer: number;
  readonly by: number;
}

/** The merged layers of an image. */
export interface MergedLayers {
  /** By path, without a leading slash. */
  readonly files: ReadonlyMap<string, ImageFile>;
  /** Contents of the requested files. */
  readonly texts: ReadonlyMap<string, string>;
  /** Number of the layer that wrote a file last, from 0. */
  readonly layers: ReadonlyMap<string, number>;
  /** Every path that a layer writes or removes, even if a higher layer changes it again. */
  readonly written: ReadonlySet<string>;
  /** Unpacked bytes of files: those that all layers write, and those of them that a later layer replaces or removes. */
  readonly bytes: { readonly written: number; readonly replaced: number };
  /** Files with bytes that a later layer replaces or removes. */
  readonly replaced: readonly ReplacedFile[];
}

/** Reads and merges the layers of an image, lowest first. @throws WorkError if one is not an archive */
export async function mergeLayers(
  source: Pick<ContentSource, 'open'>,
  layers: readonly Descriptor[],
  selection: WantedContents,
): Promise<MergedLayers> {
  const entries: (readonly LayerEntry[])[] = [];
  const readLayer = layerReader(source, selection);
  for (const layer of layers) entries.push(await readLayer(layer));
  return mergeEntries(entries);
}

/** Merges layers, lowest first, as an engine does. Pure. */
export function mergeEntries(layers: readonly (readonly LayerEntry[])[]): MergedLayers {
  const merged: Merging = {
    files: new Map(),
    texts: new Map(),
    layers: new Map(),
    written: new Set(),
    folders: new Set(),
    links: new Map(),
    bytes: { written: 0, replaced: 0 },
    replaced: [],
  };
  for (const [layer, entries] of layers.entries()) for (const entry of entries) add(merged, layer, entry);
  return merged;
}

interface Merging extends MergedLayers {
  readonly files: Map<string, ImageFile>;
  readonly texts: Map<string, string>;
  readonly layers: Map<string, number>;
  readonly written: Set<string>;
  /** Also those that no layer has an entry for. */
  readonly folders: Set<string>;
  /** Where symbolic links lead. */
  readonly links: Map<string, string>;
  readonly bytes: { written: number; replaced: number };
  readonly replaced: ReplacedFile[];
}

function add(merged: Merging, layer: number, entry: LayerEntry): void {
  const isOpaque = entry.kind === 'whiteout' && entry.isOpaque;
  const path = isOpaque ? realFolder(merged.links, entry.path) : realPath(merged.links, entry.path);
  if (entry.kind !== 'whiteout') addParents(merged, layer, path);
  const isBelow = (known: string): boolean => known.startsWith(`${path}/`);
  if (entry.kind === 'whiteout') {
    const isAll = entry.isOpaque && path === '';
    // Most whiteouts hide a single file: do not look at all others.
    if (!entry.isOpaque && merged.files.has(path) && !merged.folders.has(path)) {
      hide(merged, layer, path);
      return;
    }
    remove(merged, layer, (known) => isAll || isBelow(known) || (known === path && !entry.isOpaque), path);
    return;
  }
  // A file in the place of a folder hides the files that were in it.
  if (entry.kind !== 'folder' && merged.folders.delete(path)) remove(merged, layer, isBelow, path);
  if (entry.kind === 'folder') merged.folders.add(path);
  const { size, compressed, fingerprint, text, target, leadsTo } = entry;
  if (leadsTo === undefined) merged.links.delete(path);
  else merged.links.set(path, leadsTo);
  // A hard link is the file that it names.
  const linked = merged.texts.get(realPath(merged.links, target));
  replace(merged, layer, path);
  merged.bytes.written += size;
  merged.written.add(path);
  merged.layers.set(path, layer);
  merged.files.set(path, { size, fingerprint, ...(compressed === undefined ? {} : { compressed }) });
  merged.texts.delete(path);
  if (text !== undefined) merged.texts.set(path, linked ?? text);
}

/** The most links in one path. Source: path_resolution(7) */
const MOST_LINKS = 40;

/**
 * The folder that links of lower layers lead to, where an engine unpacks: `lib` is `usr/lib` if it is a link.
 *
 * @throws WorkError if an engine could not unpack it either
 */
function realFolder(links: ReadonlyMap<string, string>, folder: string): string {
  const pending = folder.split('/').reverse();
  let real = '';
  let followed = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      real = real.slice(0, Math.max(0, real.lastIndexOf('/')));
      continue;
    }
    const path = real === '' ? name : `${real}/${name}`;
    const link = links.get(path);
    if (path.length > LONGEST_PATH) throw invalidContent(folder, 'it leads to a path that is too long');
    if (link === undefined) {
      real = path;
      continue;
    }
    followed += 1;
    if (followed > MOST_LINKS) throw invalidContent(folder, `it leads through more than ${MOST_LINKS} links`);
    if (link.startsWith('/')) real = '';
    pending.push(...link.split('/').reverse());
  }
  return real;
}

/** A path in its real folder. A link at its end is not followed. */
function realPath(links: ReadonlyMap<string, string>, path: string): string {
  const at = path.lastIndexOf('/');
  if (links.size === 0 || at < 0) return path;
  const folder = realFolder(links, path.slice(0, at));
  return folder === '' ? path.slice(at + 1) : `${folder}${path.slice(at)}`;
}

/** Adds the folders above a path. A file in the place of one of them is no longer there. */
function addParents(merged: Merging, layer: number, path: string): void {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const folder = path.slice(0, at);
    if (merged.folders.has(folder)) continue;
    merged.folders.add(folder);
    if (!merged.files.has(folder)) continue;
    replace(merged, layer, folder);
    forget(merged, folder);
  }
}

const forget = (merged: Merging, path: string): void => {
  for (const map of [merged.files, merged.texts, merged.layers, merged.links]) map.delete(path);
};

/** A whiteout hides files of lower layers only; its position in its own layer does not matter. Source: OCI image-spec, layer.md, "Whiteouts". */
function remove(merged: Merging, layer: number, isHidden: (path: string) => boolean, path: string): void {
  merged.written.add(path);
  for (const known of merged.files.keys()) if (isHidden(known)) hide(merged, layer, known);
}

/** Hides a file, unless this layer wrote it. */
function hide(merged: Merging, layer: number, path: string): void {
  if (merged.layers.get(path) === layer) return;
  replace(merged, layer, path);
  forget(merged, path);
}

/** Counts the bytes of a file that is no longer visible. */
function replace({ files, layers, bytes, replaced }: Merging, by: number, path: string): void {
  const size = files.get(path)?.size ?? 0;
  if (size === 0) return;
  bytes.replaced += size;
  replaced.push({ path, size, layer: layers.get(path) ?? by, by });
}
