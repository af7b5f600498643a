import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { invalidContent } from '../oci/document.ts';
import { WorkError } from '../problem.ts';

/** A file of an image. Equal fingerprints mean equal content, owner and mode. */
export interface ImageFile {
  /** Bytes; 0 for other types than files. */
  readonly size: number;
  /** Type, mode, owner, and the SHA-256 of the content or the link target. Empty if not requested. */
  readonly fingerprint: string;
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
}

export interface WantedContents {
  /** Whether to keep the content of a file. */
  readonly texts: (path: string) => boolean;
  /** Whether to compute fingerprints, which hashes every byte. */
  readonly fingerprints: boolean;
}

/** Source: OCI image-spec, layer.md, "Whiteouts". */
const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Large chunks need fewer turns of the event loop. */
const CHUNK_BYTES = 1 << 20;
/** Bytes. The largest text that is read, dpkg's status, has 200 kB. */
const LARGEST_TEXT = 64_000_000;

export async function mergeLayers(
  source: Pick<ContentSource, 'open'>,
  layers: readonly Descriptor[],
  selection: WantedContents,
): Promise<MergedLayers> {
  const merged: Merging = {
    files: new Map(),
    texts: new Map(),
    layers: new Map(),
    written: new Set(),
    folders: new Set(),
    bytes: { written: 0, replaced: 0 },
  };
  for (const [layer, { digest, mediaType }] of layers.entries()) {
    const unpack = extract();
    const reading = (async () => {
      for await (const entry of unpack) await take(merged, layer, entry.header, entry, selection);
    })();
    const decompress = mediaType.endsWith('zstd')
      ? [createZstdDecompress({ chunkSize: CHUNK_BYTES })]
      : mediaType.endsWith('gzip')
        ? [createGunzip({ chunkSize: CHUNK_BYTES })]
        : [];
    await Promise.all([pipeline([await source.open(digest), ...decompress, unpack]), reading]).catch(
      (error: unknown) => {
        if (error instanceof WorkError) throw error;
        throw invalidContent(digest, `it is not a layer: ${(error as Error).message}`, { cause: error });
      },
    );
  }
  return merged;
}

interface Merging extends MergedLayers {
  readonly files: Map<string, ImageFile>;
  readonly texts: Map<string, string>;
  readonly layers: Map<string, number>;
  readonly written: Set<string>;
  readonly folders: Set<string>;
  readonly bytes: { written: number; replaced: number };
}

async function take(
  merged: Merging,
  layer: number,
  header: Header,
  content: AsyncIterable<unknown>,
  { texts, fingerprints }: WantedContents,
): Promise<void> {
  const path = pathOf(header.name);
  const at = path.lastIndexOf('/') + 1;
  const [folder, name] = [path.slice(0, at), path.slice(at)];
  const isText = texts(path);
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let read = 0;
  for await (const chunk of content) {
    if (fingerprints) hash.update(chunk as Buffer);
    if (isText) chunks.push(chunk as Buffer);
    read += (chunk as Buffer).length;
    if (isText && read > LARGEST_TEXT) throw invalidContent(path, `it has more than ${LARGEST_TEXT} bytes`);
  }
  if (name === OPAQUE) return remove(merged, layer, (known) => known.startsWith(folder), folder.slice(0, -1));
  if (name.startsWith(WHITEOUT)) {
    const hidden = `${folder}${name.slice(WHITEOUT.length)}`;
    return remove(merged, layer, (known) => known === hidden || known.startsWith(`${hidden}/`), hidden);
  }
  if (path === '') return;
  // A file in the place of a folder hides the files that were in it.
  if (header.type !== 'directory' && merged.folders.delete(path))
    remove(merged, layer, (known) => known.startsWith(`${path}/`), path);
  if (header.type === 'directory') merged.folders.add(path);
  // A hard link is the file that it names.
  const target = header.type === 'link' ? pathOf(header.linkname ?? '') : '';
  const linked = merged.texts.get(target);
  const what = header.type === 'file' ? hash.digest('hex') : (header.linkname ?? '');
  const mode = (header.mode ?? 0).toString(8);
  const size = header.type === 'file' ? (header.size ?? 0) : 0;
  merged.bytes.written += size;
  merged.bytes.replaced += merged.files.get(path)?.size ?? 0;
  merged.written.add(path);
  merged.layers.set(path, layer);
  merged.files.set(path, {
    size,
    fingerprint: fingerprints ? `${header.type} ${mode} ${header.uid}:${header.gid} ${what}` : '',
  });
  merged.texts.delete(path);
  if (isText) merged.texts.set(path, linked ?? Buffer.concat(chunks).toString('utf8'));
}

/** A path as Linux understands it in the root folder, without a leading slash: `./a//b/../c` → `a/c`. */
const pathOf = (name: string): string => posix.normalize(`/${name}`).replace(/^\/+|\/+$/g, '');

/** A whiteout hides files of lower layers only; its position in its own layer does not matter. Source: OCI image-spec, layer.md, "Whiteouts". */
function remove(
  { files, texts, layers, written, bytes }: Merging,
  layer: number,
  isHidden: (path: string) => boolean,
  path: string,
): void {
  written.add(path);
  for (const known of files.keys()) {
    if (layers.get(known) === layer || !isHidden(known)) continue;
    bytes.replaced += files.get(known)?.size ?? 0;
    for (const map of [files, texts, layers]) map.delete(known);
  }
}
