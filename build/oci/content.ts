import { createReadStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import writeFileAtomic from 'write-file-atomic';
import {
  type Descriptor,
  DOCUMENT_TYPES,
  type ImageIndex,
  type ImageManifest,
  type StoredDocument,
} from './descriptor.ts';
import { missingContent, parseDocument, type Registry, type Repository } from './registry.ts';

/** Where content is read from, by its digest. */
export interface ContentSource {
  /** Of an index or a manifest: registries keep those apart from blobs. */
  readonly document: (digest: string) => Promise<Buffer>;
  readonly open: (digest: string) => Promise<Readable>;
}

export const blobFile = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));

/** A folder as BuildKit writes it. Source: OCI image-spec, image-layout.md. */
export const layoutContent = (folder: string): ContentSource => ({
  document: (digest) => readFile(blobFile(folder, digest)),
  open: async (digest) => createReadStream(blobFile(folder, digest), { highWaterMark: 1 << 20 }),
});

/** Adds a document, or a small blob, to such a folder. */
export async function addToLayout(folder: string, { bytes, descriptor }: StoredDocument): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFileAtomic(blobFile(folder, descriptor.digest), bytes);
}

/** A repository. */
export const registryContent = (registry: Registry, repository: Repository): ContentSource => ({
  document: async (digest) => {
    const found = await registry.document(repository, digest);
    if (found === undefined) throw missingContent(repository, digest);
    return found.bytes;
  },
  open: (digest) => registry.openBlob(repository, digest),
});

/** Of small blobs. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Of a small one: a config, a statement. */
export const readBlob = async (source: Pick<ContentSource, 'open'>, digest: string): Promise<Buffer> =>
  readAll(await source.open(digest));

/** Content below a digest: documents deepest first, so that nothing is written before what it names; blobs once. */
export interface ContentTree {
  readonly documents: readonly StoredDocument[];
  readonly blobs: readonly Descriptor[];
}

export const isDocument = ({ mediaType }: Pick<Descriptor, 'mediaType'>): boolean => DOCUMENT_TYPES.includes(mediaType);

/** Reads everything that an image names, but its layers. */
export async function readTree(source: Pick<ContentSource, 'document'>, root: Descriptor): Promise<ContentTree> {
  const bytes = await source.document(root.digest);
  const { manifests, config, layers } = parseDocument<Partial<ImageIndex & ImageManifest>>(bytes);
  const below = await Promise.all((manifests ?? []).map((descriptor) => readTree(source, descriptor)));
  const blobs = [...(config === undefined ? [] : [config]), ...(layers ?? []), ...below.flatMap((one) => one.blobs)];
  const documents = [...below.flatMap((one) => one.documents), { descriptor: root, bytes }];
  return {
    documents: [...new Map(documents.map((one) => [one.descriptor.digest, one])).values()],
    blobs: [...new Map(blobs.map((one) => [one.digest, one])).values()],
  };
}
