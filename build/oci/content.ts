import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import writeFileAtomic from 'write-file-atomic';
import type { Descriptor, ImageIndex, ImageManifest, StoredDocument } from './descriptor.ts';
import type { Repository } from './reference.ts';
import { missingContent, parseDocument, type Registry } from './registry.ts';
import { digestMismatch } from './registry-connection.ts';

/** Where content is read from, by its digest. */
export interface ContentSource {
  /** Of an index or a manifest: registries keep those apart from blobs. */
  readonly document: (digest: string) => Promise<Buffer>;
  /** A small one, whole: a config, a statement. */
  readonly blob: (digest: string) => Promise<Buffer>;
  readonly open: (digest: string) => Promise<Readable>;
}

const blobFile = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));

/** A folder as BuildKit writes it. Source: OCI image-spec, image-layout.md. */
export const layoutContent = (folder: string): ContentSource => ({
  document: (digest) => readFile(blobFile(folder, digest)),
  blob: (digest) => readFile(blobFile(folder, digest)),
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
  blob: (digest) => registry.blob(repository, digest),
  open: (digest) => registry.openBlob(repository, digest),
});

/** Fetches a large one into a layout. @throws WorkError where the bytes are others */
export async function fetchBlob(source: Pick<ContentSource, 'open'>, digest: string, folder: string): Promise<void> {
  const file = blobFile(folder, digest);
  await mkdir(dirname(file), { recursive: true });
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform: (chunk: Buffer, _, done) => {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(await source.open(digest), hashing, createWriteStream(file));
  const came = `sha256:${hash.digest('hex')}`;
  if (came !== digest) throw digestMismatch(`${digest} was asked for, and ${came} came`);
}

/** Content below a digest: documents deepest first, so that nothing is written before what it names; blobs once. */
export interface ContentTree {
  readonly documents: readonly StoredDocument[];
  readonly blobs: readonly Descriptor[];
}

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
