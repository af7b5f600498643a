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

/** Reads content by digest. */
export interface ContentSource {
  /** Reads an index or a manifest; registries keep them apart from blobs. */
  readonly document: (digest: string) => Promise<Buffer>;
  /** Reads a small blob as a whole: a config, a statement. */
  readonly blob: (digest: string) => Promise<Buffer>;
  readonly open: (digest: string) => Promise<Readable>;
}

const blobFile = (folder: string, digest: string): string => join(folder, 'blobs', digest.replace(':', '/'));

/** Content of an OCI image layout. Source: OCI image-spec, image-layout.md. */
export const layoutContent = (folder: string): ContentSource => ({
  document: (digest) => readFile(blobFile(folder, digest)),
  blob: (digest) => readFile(blobFile(folder, digest)),
  open: async (digest) => createReadStream(blobFile(folder, digest), { highWaterMark: 1 << 20 }),
});

/** Adds a document or a small blob to an OCI image layout. */
export async function addToLayout(folder: string, { bytes, descriptor }: StoredDocument): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFileAtomic(blobFile(folder, descriptor.digest), bytes);
}

/** Content of a repository in a registry. */
export const registryContent = (registry: Registry, repository: Repository): ContentSource => ({
  document: async (digest) => {
    const stored = await registry.document(repository, digest);
    if (stored === undefined) throw missingContent(repository, digest);
    return stored.bytes;
  },
  blob: (digest) => registry.blob(repository, digest),
  open: (digest) => registry.openBlob(repository, digest),
});

/** Fetches a large blob into an OCI image layout. @throws WorkError if the bytes do not match the digest */
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
  if (came !== digest) throw digestMismatch(`${digest} was requested, but the content has the digest ${came}.`);
}

/** Content below a digest. Documents are deepest first, so that a document is written after everything it refers to. */
export interface ContentTree {
  readonly documents: readonly StoredDocument[];
  readonly blobs: readonly Descriptor[];
}

/** Reads every document that an image refers to, and lists its blobs. */
export async function readTree(source: Pick<ContentSource, 'document'>, root: Descriptor): Promise<ContentTree> {
  const bytes = await source.document(root.digest);
  const { manifests, config, layers } = parseDocument<Partial<ImageIndex & ImageManifest>>(bytes);
  const below = await Promise.all((manifests ?? []).map((descriptor) => readTree(source, descriptor)));
  const blobs = [
    ...(config === undefined ? [] : [config]),
    ...(layers ?? []),
    ...below.flatMap((entry) => entry.blobs),
  ];
  const documents = [...below.flatMap((entry) => entry.documents), { descriptor: root, bytes }];
  return {
    documents: [...new Map(documents.map((entry) => [entry.descriptor.digest, entry])).values()],
    blobs: [...new Map(blobs.map((entry) => [entry.digest, entry])).values()],
  };
}
