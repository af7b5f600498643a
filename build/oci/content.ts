import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import writeFileAtomic from 'write-file-atomic';
import { WorkError } from '../problem.ts';
import { type Descriptor, digestOf, MEDIA_TYPES, type StoredDocument } from './descriptor.ts';
import { invalidContent, isIndex, parseDocument } from './document.ts';
import { isDigest, type Repository } from './reference.ts';
import { missingContent, type Registry } from './registry.ts';
import { digestMismatch } from './registry-connection.ts';
import { LARGEST_DOCUMENT, LARGEST_SMALL_BLOB } from './response.ts';

/** Reads content by digest. */
export interface ContentSource {
  /** Reads an index or a manifest; registries keep them apart from blobs. */
  readonly document: (digest: string) => Promise<Buffer>;
  /** Reads a small blob as a whole: a config, a statement. */
  readonly blob: (digest: string) => Promise<Buffer>;
  readonly open: (digest: string) => Promise<Readable>;
  /** A repository that has some or all of this content; its registry can mount blobs from it. */
  readonly repository?: Repository | undefined;
}

/**
 * The path of a blob in an OCI image layout. Source: OCI image-spec, image-layout.md.
 *
 * @throws WorkError if the digest is not one: it comes from a document, and becomes a path
 */
function blobFile(folder: string, digest: string): string {
  requireDigest(digest);
  return join(folder, 'blobs', digest.replace(':', '/'));
}

/** @throws WorkError if the text, which comes from a document, is not a digest */
function requireDigest(text: string): void {
  if (!isDigest(text)) throw invalidContent(text, 'it is not a digest: sha256: and 64 lower-case hexadecimal digits');
}

/**
 * A blob of a layout that somebody else wrote: a pipe or a link to a device would be read forever.
 *
 * @throws WorkError if it does not exist, is not a file, or is larger than `limit` bytes
 */
async function existingBlob(folder: string, name: string, digest: string, limit: number): Promise<string> {
  const file = blobFile(folder, digest);
  const found = await lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new WorkError(
      {
        kind: 'not-found',
        title: 'A part of the image is missing',
        reason: `${name} does not contain ${digest}.`,
        hint: 'pull the image for this platform, or save, download or build it again',
      },
      { cause: error },
    );
  });
  if (!found.isFile()) throw invalidContent(`${digest} in ${name}`, 'it is not a file');
  if (found.size > limit) throw invalidContent(`${digest} in ${name}`, `it has more than ${limit} bytes`);
  return file;
}

/** Content of an OCI image layout. @param name for messages: an archive's, if the folder is temporary */
export const layoutContent = (folder: string, name = folder): ContentSource => {
  const reader =
    (limit: number) =>
    async (digest: string): Promise<Buffer> => {
      const bytes = await readFile(await existingBlob(folder, name, digest, limit));
      if (digestOf(bytes) !== digest) throw digestMismatch(`${digest} in ${name} has the digest ${digestOf(bytes)}.`);
      return bytes;
    };
  return {
    document: reader(LARGEST_DOCUMENT),
    blob: reader(LARGEST_SMALL_BLOB),
    open: async (digest) =>
      createReadStream(await existingBlob(folder, name, digest, Number.POSITIVE_INFINITY), { highWaterMark: 1 << 20 }),
  };
};

/**
 * Removes everything from a layout that does not belong to one image, and names that image in `index.json`. BuildKit's own
 * provenance, which stays in the folder, contains the passwords of proxies.
 */
export async function sealLayout(folder: string, root: Descriptor): Promise<void> {
  const { documents, blobs } = await readTree(layoutContent(folder), root);
  const kept = new Set([...documents.map(({ descriptor }) => descriptor), ...blobs].map(({ digest }) => digest));
  const all = join(folder, 'blobs', 'sha256');
  for (const name of await readdir(all))
    if (!kept.has(`sha256:${name}`)) await rm(join(all, name), { recursive: true });
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [root] };
  await writeFileAtomic(join(folder, 'index.json'), JSON.stringify(index));
  await writeFileAtomic(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

/** Adds a document or a small blob to an OCI image layout. */
export async function addToLayout(folder: string, { bytes, descriptor }: StoredDocument): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  await writeFileAtomic(blobFile(folder, descriptor.digest), bytes);
}

/** Content of a repository in a registry. */
export const registryContent = (registry: Registry, repository: Repository): ContentSource => ({
  document: async (digest) => {
    // With a tag in the place of a digest, the registry could answer anything.
    requireDigest(digest);
    const stored = await registry.document(repository, digest);
    if (stored === undefined) throw missingContent(repository, digest);
    return stored.bytes;
  },
  blob: async (digest) => {
    requireDigest(digest);
    return registry.blob(repository, digest);
  },
  open: async (digest) => {
    requireDigest(digest);
    return registry.openBlob(repository, digest);
  },
  repository,
});

/**
 * Fetches a large blob into an OCI image layout. The file has its name only if its bytes match the digest.
 *
 * @throws WorkError if the bytes do not match the descriptor
 */
export async function fetchBlob(
  source: Pick<ContentSource, 'open'>,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  folder: string,
): Promise<void> {
  const file = blobFile(folder, digest);
  const part = `${file}.${process.pid}.part`;
  await mkdir(dirname(file), { recursive: true });
  try {
    await pipeline(await source.open(digest), digestCheck({ digest, size }), createWriteStream(part));
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}

/** Passes content on, and fails if its bytes do not match the descriptor. More bytes than promised could fill a disk. */
export function digestCheck({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Transform {
  const hash = createHash('sha256');
  let received = 0;
  return new Transform({
    transform: (chunk: Buffer, _, done) => {
      received += chunk.length;
      hash.update(chunk);
      if (received > size) done(digestMismatch(`${digest} has ${size} bytes, but more were received.`));
      else done(null, chunk);
    },
    flush: (done) => {
      const came = `sha256:${hash.digest('hex')}`;
      done(came === digest ? null : digestMismatch(`${digest} was requested, but the content has the digest ${came}.`));
    },
  });
}

/** Content below a digest. Documents are deepest first, so that a document is written after everything it refers to. */
export interface ContentTree {
  readonly documents: readonly StoredDocument[];
  readonly blobs: readonly Descriptor[];
}

/** An image with eight platforms and their attestations has 17 documents in two levels. */
const MOST_DOCUMENTS = 64;
const DEEPEST = 3;

/**
 * Reads every document that an image refers to, each once, and lists its blobs.
 *
 * @throws WorkError if the image has more documents or levels than an image can need
 */
export async function readTree(source: Pick<ContentSource, 'document'>, root: Descriptor): Promise<ContentTree> {
  const documents = new Map<string, StoredDocument>();
  const blobs = new Map<string, Descriptor>();
  const read = async (descriptor: Descriptor, depth: number): Promise<void> => {
    const { digest } = descriptor;
    if (documents.has(digest)) return;
    if (documents.size === MOST_DOCUMENTS || depth === DEEPEST)
      throw invalidContent(root.digest, `it has more than ${MOST_DOCUMENTS} documents or ${DEEPEST} levels of indexes`);
    const bytes = await source.document(digest);
    const document = parseDocument(bytes, digest);
    const stored = { descriptor, bytes };
    documents.set(digest, stored);
    if (isIndex(document)) for (const entry of document.manifests) await read(entry, depth + 1);
    else for (const blob of [document.config, ...document.layers]) blobs.set(blob.digest, blob);
    // Deepest first: a map keeps the order of insertion.
    documents.delete(digest);
    documents.set(digest, stored);
  };
  await read(root, 0);
  return { documents: [...documents.values()], blobs: [...blobs.values()] };
}
