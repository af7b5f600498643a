import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, constants as zlib, zstdCompressSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { invalidContent } from '../oci/document.ts';
import { WorkError } from '../problem.ts';
import { zstdFrames } from './zstd-frames.ts';

/** An entry of a layer. Paths have no leading slash. */
export type LayerEntry =
  | {
      readonly kind: 'file' | 'folder' | 'link' | 'other';
      readonly path: string;
      /** Bytes; 0 for other types than files. */
      readonly size: number;
      /** The file's share of the layer's compressed bytes; undefined if not requested. */
      readonly compressed: number | undefined;
      /**
       * Type, mode, owner, the SHA-256 of the content or the link target, and extended attributes and the number of a device if there are
       * some. Empty if not requested.
       */
      readonly fingerprint: string;
      /** The content, if it was requested. */
      readonly text: string | undefined;
      /** The file that a hard link names. */
      readonly target: string;
      /** The text of a symbolic link, such as `../lib`; undefined for other types. */
      readonly leadsTo?: string;
    }
  /** Hides a path of lower layers; if it is opaque, only what is in that folder. Source: OCI image-spec, layer.md, "Whiteouts". */
  | { readonly kind: 'whiteout'; readonly path: string; readonly isOpaque: boolean };

export interface WantedContents {
  /** Whether to keep the content of a file. */
  readonly texts: (path: string) => boolean;
  /** Whether to compute fingerprints, which hashes every byte. */
  readonly fingerprints: boolean;
  /** Whether to compute the compressed bytes of each file, which compresses every byte. */
  readonly compressed?: boolean;
}

const WHITEOUT = '.wh.';
const OPAQUE = '.wh..wh..opq';
/** Large chunks need fewer turns of the event loop. */
const CHUNK_BYTES = 1 << 20;
/** Bytes. The largest text that is read, dpkg's status, has 200 kB. */
const LARGEST_TEXT = 64_000_000;
/** The most characters of the texts of all layers. A few megabytes of zeros unpack to any size, so hostile layers could fill the memory. */
const MOST_TEXT = 256_000_000;
/** Linux takes no longer path. Source: path_resolution(7), PATH_MAX */
export const LONGEST_PATH = 4096;
/** The most entries of all layers. An image of the gateway has 60,000. */
const MOST_ENTRIES = 2_000_000;

/**
 * Reads the layers of an image. The limits are those of all layers together.
 *
 * @returns reads a layer: its entries, in the order of the archive
 * @throws WorkError if it is not an archive, or too large
 */
export function layerReader(
  source: Pick<ContentSource, 'open'>,
  selection: WantedContents,
): (layer: Descriptor) => Promise<readonly LayerEntry[]> {
  const total: Total = { texts: 0, entries: 0 };
  return (layer) => readLayer(source, layer, selection, total);
}

/** Sums of the layers that were read: characters of their texts, and entries. */
interface Total {
  texts: number;
  entries: number;
}

async function readLayer(
  source: Pick<ContentSource, 'open'>,
  { digest, mediaType, size }: Descriptor,
  selection: WantedContents,
  total: Total,
): Promise<readonly LayerEntry[]> {
  const entries: LayerEntry[] = [];
  const unpack = extract();
  const reading = (async () => {
    for await (const entry of unpack) {
      const read = await readEntry(entry.header, entry, selection);
      if (read === undefined) continue;
      entries.push(read);
      total.texts += read.kind === 'whiteout' ? 0 : (read.text?.length ?? 0);
      total.entries += 1;
      const soFar = 'with the layers before it';
      if (total.texts > MOST_TEXT)
        throw invalidContent(digest, `its texts, ${soFar}, have more than ${MOST_TEXT} characters`);
      if (total.entries > MOST_ENTRIES)
        throw invalidContent(digest, `it has, ${soFar}, more than ${MOST_ENTRIES} entries`);
    }
  })();
  const isZstd = mediaType.endsWith('zstd');
  const decompress = isZstd
    ? [createZstdDecompress({ chunkSize: CHUNK_BYTES })]
    : mediaType.endsWith('gzip')
      ? [createGunzip({ chunkSize: CHUNK_BYTES })]
      : [];
  const stored = await source.open(digest);
  const content = isZstd ? Readable.from(zstdFrames(stored)) : stored;
  await Promise.all([pipeline([content, ...decompress, unpack]), reading]).catch((error: unknown) => {
    if (error instanceof WorkError) throw error;
    throw invalidContent(digest, `it is not a layer: ${(error as Error).message}`, { cause: error });
  });
  return selection.compressed === true ? withShares(entries, size) : entries;
}

async function readEntry(
  header: Header,
  content: AsyncIterable<unknown>,
  { texts, fingerprints, compressed }: WantedContents,
): Promise<LayerEntry | undefined> {
  const path = pathOf(header.name);
  if (Math.max(path.length, header.linkname?.length ?? 0) > LONGEST_PATH)
    throw invalidContent(`${path.slice(0, 60)}…`, `its path has more than ${LONGEST_PATH} characters`);
  const isText = texts(path);
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  const meter = compressionMeter();
  let read = 0;
  for await (const chunk of content) {
    if (fingerprints) hash.update(chunk as Buffer);
    if (compressed === true) meter.add(chunk as Buffer);
    if (isText) chunks.push(chunk as Buffer);
    read += (chunk as Buffer).length;
    if (isText && read > LARGEST_TEXT) throw invalidContent(path, `it has more than ${LARGEST_TEXT} bytes`);
  }
  const at = path.lastIndexOf('/') + 1;
  const [folder, name] = [path.slice(0, at), path.slice(at)];
  if (name === OPAQUE) return { kind: 'whiteout', path: folder.slice(0, -1), isOpaque: true };
  if (name.startsWith(WHITEOUT)) {
    const hidden = name.slice(WHITEOUT.length);
    // Engines would hide the folder itself, or the one above.
    if (['', '.', '..'].includes(hidden)) throw invalidContent(path, 'it hides no file of its folder');
    return { kind: 'whiteout', path: `${folder}${hidden}`, isOpaque: false };
  }
  if (path === '') return undefined;
  const isFile = header.type === 'file';
  const what = isFile ? hash.digest('hex') : (header.linkname ?? '');
  const mode = (header.mode ?? 0).toString(8);
  return {
    kind: KINDS[header.type ?? ''] ?? 'other',
    path,
    size: isFile ? (header.size ?? 0) : 0,
    compressed: compressed === true ? meter.end() : undefined,
    fingerprint: fingerprints
      ? `${header.type} ${mode} ${header.uid}:${header.gid} ${what}${rarePropertiesOf(header)}`
      : '',
    text: isText ? Buffer.concat(chunks).toString('utf8') : undefined,
    target: header.type === 'link' ? pathOf(header.linkname ?? '') : '',
    ...(header.type === 'symlink' ? { leadsTo: header.linkname ?? '' } : {}),
  };
}

/** Extended attributes (a capability makes a program run as root) and device numbers. Source: pax(1); tar(5), "SCHILY.xattr" */
function rarePropertiesOf({ type, pax, devmajor, devminor }: Header): string {
  const attributes = Object.entries(pax ?? {}).filter(([key]) => key.startsWith('SCHILY.xattr.'));
  const isDevice = type === 'character-device' || type === 'block-device';
  return [
    ...attributes.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ` ${key}=${value}`),
    ...(isDevice ? [` ${devmajor}:${devminor}`] : []),
  ].join('');
}

const KINDS: Readonly<Record<string, 'file' | 'folder' | 'link'>> = { file: 'file', directory: 'folder', link: 'link' };

/** A path as Linux understands it in the root folder, without a leading slash: `./a//b/../c` → `a/c`. */
const pathOf = (name: string): string => posix.normalize(`/${name}`).replace(/^\/+|\/+$/g, '');

/** The fastest level of zstd. Only the proportions between files count. */
const FASTEST = { params: { [zlib.ZSTD_c_compressionLevel]: 1 } };

/** Measures how well a file compresses. Blocks have a fixed size: the chunks of a network differ each time. */
function compressionMeter(): { readonly add: (chunk: Buffer) => void; readonly end: () => number } {
  let waiting: Buffer[] = [];
  let length = 0;
  let sum = 0;
  const compress = (block: Buffer): void => {
    if (block.length > 0) sum += zstdCompressSync(block, FASTEST).length;
  };
  return {
    add: (chunk) => {
      waiting.push(chunk);
      length += chunk.length;
      if (length < CHUNK_BYTES) return;
      let rest = Buffer.concat(waiting);
      for (; rest.length >= CHUNK_BYTES; rest = rest.subarray(CHUNK_BYTES)) compress(rest.subarray(0, CHUNK_BYTES));
      waiting = [rest];
      length = rest.length;
    },
    end: () => {
      compress(Buffer.concat(waiting));
      return sum;
    },
  };
}

/** A layer is compressed as a whole: each file gets a share by how well it compresses alone. The shares sum up to the layer. */
function withShares(entries: readonly LayerEntry[], size: number): readonly LayerEntry[] {
  const total = entries.reduce((sum, entry) => sum + compressedOf(entry), 0);
  if (total === 0) return entries;
  // At the end exactly the size, in spite of rounding.
  const shareUntil = (sum: number): number => (sum === total ? size : Math.floor((size * sum) / total));
  let before = 0;
  return entries.map((entry) => {
    const after = before + compressedOf(entry);
    const compressed = shareUntil(after) - shareUntil(before);
    before = after;
    return entry.kind === 'whiteout' ? entry : { ...entry, compressed };
  });
}

const compressedOf = (entry: LayerEntry): number => (entry.kind === 'whiteout' ? 0 : (entry.compressed ?? 0));
