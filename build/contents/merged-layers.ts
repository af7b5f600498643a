import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';

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
  /** Every path that a layer writes or removes, even if a higher layer changes it again. */
  readonly written: ReadonlySet<string>;
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

export async function mergeLayers(
  source: Pick<ContentSource, 'open'>,
  layers: readonly Descriptor[],
  selection: WantedContents,
): Promise<MergedLayers> {
  const merged = { files: new Map<string, ImageFile>(), texts: new Map<string, string>(), written: new Set<string>() };
  for (const { digest, mediaType } of layers) {
    const unpack = extract();
    const reading = (async () => {
      for await (const entry of unpack) await take(merged, entry.header, entry, selection);
    })();
    const decompress = mediaType.endsWith('zstd')
      ? [createZstdDecompress({ chunkSize: CHUNK_BYTES })]
      : mediaType.endsWith('gzip')
        ? [createGunzip({ chunkSize: CHUNK_BYTES })]
        : [];
    await Promise.all([pipeline([await source.open(digest), ...decompress, unpack]), reading]);
  }
  return merged;
}

interface Merging extends MergedLayers {
  readonly files: Map<string, ImageFile>;
  readonly texts: Map<string, string>;
  readonly written: Set<string>;
}

async function take(
  merged: Merging,
  header: Header,
  content: AsyncIterable<unknown>,
  { texts, fingerprints }: WantedContents,
): Promise<void> {
  const path = header.name.replace(/^\.?\//, '').replace(/\/$/, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  const isText = texts(path);
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  for await (const chunk of content) {
    if (fingerprints) hash.update(chunk as Buffer);
    if (isText) chunks.push(chunk as Buffer);
  }
  if (name === OPAQUE) return remove(merged, path.slice(0, -OPAQUE.length - 1), false);
  if (name.startsWith(WHITEOUT)) return remove(merged, path.replace(WHITEOUT, ''), true);
  if (path === '') return;
  const what = header.type === 'file' ? hash.digest('hex') : (header.linkname ?? '');
  const mode = (header.mode ?? 0).toString(8);
  merged.written.add(path);
  merged.files.set(path, {
    size: header.type === 'file' ? (header.size ?? 0) : 0,
    fingerprint: fingerprints ? `${header.type} ${mode} ${header.uid}:${header.gid} ${what}` : '',
  });
  if (isText) merged.texts.set(path, Buffer.concat(chunks).toString('utf8'));
}

function remove({ files, texts, written }: Merging, path: string, itself: boolean): void {
  written.add(path);
  for (const known of files.keys()) {
    if (known.startsWith(`${path}/`) || (itself && known === path)) {
      files.delete(known);
      texts.delete(known);
    }
  }
}
