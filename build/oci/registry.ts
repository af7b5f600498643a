import type { Readable } from 'node:stream';
import { WorkError } from '../problem.ts';
import type { Annotations } from './annotations.ts';
import { type Descriptor, DOCUMENT_TYPES, digestOf, MEDIA_TYPES, type StoredDocument } from './descriptor.ts';
import { type ImageDocument, parseDocument } from './document.ts';
import { isDigest, isTag, type Repository, repositoryOf } from './reference.ts';
import { type ConnectionOptions, connectRegistries, digestMismatch } from './registry-connection.ts';
import {
  firstWords,
  headerOf,
  LARGEST_DOCUMENT,
  LARGEST_SMALL_BLOB,
  type RegistryResponse,
  readBytes,
  readObject,
  unexpectedAnswer,
} from './response.ts';
import { uploadBlob } from './upload.ts';

/** An index or a manifest in a registry, with its computed digest. */
export interface RegistryDocument extends StoredDocument {
  readonly content: ImageDocument;
  readonly annotations: Annotations;
}

/** Reads and writes registries. Source: OCI distribution-spec, "Endpoints". */
export interface Registry {
  /** All tags; empty if the repository does not exist. */
  readonly tags: (repository: Repository) => Promise<readonly string[]>;
  /** @param reference a tag or a digest @returns undefined if it does not exist */
  readonly document: (repository: Repository, reference: string) => Promise<RegistryDocument | undefined>;
  /** Reads a small blob as a whole. @throws WorkError if it does not exist or does not match its digest */
  readonly blob: (repository: Repository, digest: string) => Promise<Buffer>;
  /** @throws WorkError if the blob does not exist */
  readonly openBlob: (repository: Repository, digest: string) => Promise<Readable>;
  /** Whether the blob exists with its full size. */
  readonly hasBlob: (repository: Repository, blob: Pick<Descriptor, 'digest' | 'size'>) => Promise<boolean>;
  /**
   * Takes a blob from another repository of the same registry, without sending its bytes.
   *
   * Source: OCI distribution-spec, "Mounting a blob from another repository"
   * @returns false if the registry, or the right to read the other repository, does not allow it
   */
  readonly mountBlob: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    from: Repository,
  ) => Promise<boolean>;
  /** @param open opens the content again for every attempt */
  readonly putBlob: (
    repository: Repository,
    blob: Pick<Descriptor, 'digest' | 'size'>,
    open: () => Promise<Readable | Buffer>,
  ) => Promise<void>;
  /**
   * @param reference a tag, or the document's digest
   * @returns whether the registry added the document to the referrers of its subject, if it has one
   */
  readonly putDocument: (
    repository: Repository,
    reference: string,
    document: StoredDocument,
  ) => Promise<{ readonly listsReferrers: boolean }>;
  /**
   * Deletes a tag, or a manifest with all its tags. Source: OCI distribution-spec, "Content Management"
   *
   * @param reference a tag or a digest
   * @returns false if the registry deletes manifests, but no single tags
   * @throws WorkError if the registry deletes nothing
   */
  readonly remove: (repository: Repository, reference: string) => Promise<boolean>;
  /** @returns an index of the referrers of an image; undefined if the registry has no referrers API */
  readonly referrers: (repository: Repository, digest: string) => Promise<RegistryDocument | undefined>;
}

const NO_DELETION: ReadonlySet<string> = new Set(['registry-failed', 'digest-mismatch']);
const NO_MOUNT: ReadonlySet<string> = new Set(['registry-denied', 'registry-failed']);
const PAGE = 1000;
/** Some registries never give more than 100 tags at once. */
const MOST_PAGES = 150;
/** A repository with ten releases a day has so many in fifty years. */
const MOST_TAGS = 200_000;
const ACCEPTED = DOCUMENT_TYPES.join(', ');

export function openRegistries(options: ConnectionOptions): Registry {
  const connect = connectRegistries(options);

  function getBlob<T>(
    repository: Repository,
    digest: string,
    read: (response: RegistryResponse) => Promise<T>,
  ): Promise<T> {
    const { send, withRetries } = connect(repository);
    return withRetries(async () => {
      const response = await send({ method: 'GET', path: blobPath(repository, digest) });
      if (response === undefined) throw missingContent(repository, digest);
      return read(response);
    });
  }

  return {
    tags: async (repository) => {
      const { send, withRetries } = connect(repository);
      const names = new Set<string>();
      const pages = new Set<string>();
      let path: string | undefined = `/v2/${repository.repository}/tags/list?n=${PAGE}`;
      while (path !== undefined) {
        if (pages.has(path) || pages.size === MOST_PAGES)
          throw unexpectedAnswer(repositoryOf(repository), `the list of tags does not end after ${pages.size} pages`);
        pages.add(path);
        const current: string = path;
        const page = await withRetries(async () => readTags(repository, await send({ method: 'GET', path: current })));
        for (const tag of page.tags) names.add(tag);
        if (names.size > MOST_TAGS)
          throw unexpectedAnswer(repositoryOf(repository), `it lists more than ${MOST_TAGS} tags`);
        path = page.next;
      }
      return [...names];
    },

    document: (repository, reference) => {
      const { send, withRetries } = connect(repository);
      const path = manifestPath(repository, reference);
      return withRetries(async () =>
        readDocument(repository, reference, await send({ method: 'GET', path, accept: ACCEPTED })),
      );
    },

    blob: (repository, digest) =>
      getBlob(repository, digest, async (response) => {
        const bytes = await readBytes(response, LARGEST_SMALL_BLOB, atDigest(repository, digest));
        if (digestOf(bytes) === digest) return bytes;
        throw digestMismatch(
          `${atDigest(repository, digest)} was requested, but the content has the digest ${digestOf(bytes)}.`,
        );
      }),

    openBlob: (repository, digest) => getBlob(repository, digest, async ({ body }) => body),

    hasBlob: (repository, { digest, size }) => {
      const { send, withRetries } = connect(repository);
      return withRetries(async () => {
        const response = await send({ method: 'HEAD', path: blobPath(repository, digest) });
        await response?.body.dump();
        return response !== undefined && headerOf(response, 'content-length') === String(size);
      });
    },

    mountBlob: async (repository, { digest }, from) => {
      const { send, withRetries } = connect(repository);
      const query = new URLSearchParams({ mount: digest, from: from.repository });
      const path = `/v2/${repository.repository}/blobs/uploads/?${query}`;
      const body = { content: Buffer.alloc(0), size: 0, mediaType: 'application/octet-stream' };
      const response = await withRetries(() => send({ method: 'POST', path, body })).catch((error: unknown) => {
        // Not every registry can mount; the bytes are sent then.
        if (error instanceof WorkError && NO_MOUNT.has(error.failure.kind)) return undefined;
        throw error;
      });
      await response?.body.dump();
      if (response?.status === 201) {
        assertDigest(repository, response, digest);
        return true;
      }
      // The registry began an upload instead.
      const upload = response === undefined ? undefined : headerOf(response, 'location');
      if (upload !== undefined) await send({ method: 'DELETE', path: upload }).catch(() => {});
      return false;
    },

    putBlob: async (repository, blob, open) => {
      const stored = await uploadBlob(connect(repository), repository, blob, open);
      await stored?.body.dump();
      assertDigest(repository, stored, blob.digest);
    },

    putDocument: (repository, reference, { bytes, descriptor: { digest, mediaType } }) => {
      const { send, withRetries } = connect(repository);
      const path = manifestPath(repository, reference);
      return withRetries(async () => {
        const stored = await send({ method: 'PUT', path, body: { content: bytes, size: bytes.length, mediaType } });
        await stored?.body.dump();
        assertDigest(repository, stored, digest);
        return { listsReferrers: stored !== undefined && headerOf(stored, 'oci-subject') !== undefined };
      });
    },

    remove: (repository, reference) => {
      const { send, withRetries } = connect(repository);
      const path = manifestPath(repository, reference);
      return withRetries(async () => {
        try {
          // undefined: it is not there any more.
          await (await send({ method: 'DELETE', path }))?.body.dump();
          return true;
        } catch (error) {
          // 405: deletion is switched off. 400: not supported for tags; docker-registry takes a tag for a digest that is invalid.
          if (!(error instanceof WorkError) || !NO_DELETION.has(error.failure.kind)) throw error;
          if (isTag(reference) && !isDigest(reference)) return false;
          throw new WorkError(
            {
              kind: 'no-deletion',
              title: 'The registry does not delete images',
              reason: `${repositoryOf(repository)} refused to delete ${reference}: ${error.failure.reason}`,
              hint: "switch on deletion in the registry's settings, or remove the listed tags on its website",
            },
            { cause: error },
          );
        }
      });
    },

    referrers: (repository, digest) => {
      const { send, withRetries } = connect(repository);
      const path = `/v2/${repository.repository}/referrers/${digest}`;
      return withRetries(async () => {
        const response = await send({ method: 'GET', path, accept: MEDIA_TYPES.index });
        // Old registries answer this path with an HTML page.
        const isIndex = response !== undefined && headerOf(response, 'content-type')?.startsWith(MEDIA_TYPES.index);
        if (response === undefined || isIndex !== true) return undefined;
        return readDocument(repository, '', response);
      });
    },
  };
}

/** The full name with a digest. */
export const atDigest = (repository: Repository, digest: string): string => `${repositoryOf(repository)}@${digest}`;

const manifestPath = ({ repository }: Repository, reference: string): string =>
  `/v2/${repository}/manifests/${reference}`;
const blobPath = ({ repository }: Repository, digest: string): string => `/v2/${repository}/blobs/${digest}`;

interface TagPage {
  readonly tags: readonly string[];
  readonly next: string | undefined;
}

async function readTags(repository: Repository, response: RegistryResponse | undefined): Promise<TagPage> {
  if (response === undefined) return { tags: [], next: undefined };
  const what = `the tags of ${repositoryOf(repository)}`;
  const { tags } = await readObject(response, what);
  // Some registries write null for an empty list.
  if (tags !== null && !(Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')))
    throw unexpectedAnswer(what, 'the answer has no list of tags');
  const next = /<([^>]+)>;\s*rel="?next"?/.exec(headerOf(response, 'link') ?? '')?.[1];
  // Ignore the host of the link: this login is for this host only.
  const url = next === undefined ? undefined : new URL(next, 'https://registry');
  return { tags: (tags ?? []).filter(isTag), next: url === undefined ? undefined : `${url.pathname}${url.search}` };
}

async function readDocument(
  repository: Repository,
  reference: string,
  response: RegistryResponse | undefined,
): Promise<RegistryDocument | undefined> {
  if (response === undefined) return undefined;
  const name = `${repositoryOf(repository)}${isDigest(reference) ? '@' : ':'}${reference}`;
  const bytes = await readBytes(response, LARGEST_DOCUMENT, name);
  const digest = digestOf(bytes);
  const promised = isDigest(reference) ? reference : headerOf(response, 'docker-content-digest');
  if (promised?.startsWith('sha256:') === true && promised !== digest)
    throw digestMismatch(`${name} should have the digest ${promised}, but the content has ${digest}.`);
  const mediaType = (headerOf(response, 'content-type') ?? '').split(';')[0] ?? '';
  if (mediaType === 'text/html')
    throw unexpectedAnswer(name, `the answer is a page: "${firstWords(bytes.toString())}"`);
  const content = parseDocument(bytes, name);
  return {
    descriptor: { mediaType, digest, size: bytes.length },
    bytes,
    content,
    annotations: content.annotations ?? {},
  };
}

/** Checks that the registry stored the bytes that were sent. */
function assertDigest(repository: Repository, response: RegistryResponse | undefined, digest: string): void {
  const reported = response === undefined ? undefined : headerOf(response, 'docker-content-digest');
  if (reported?.startsWith('sha256:') === true && reported !== digest)
    throw digestMismatch(`${repositoryOf(repository)} was sent ${digest}, but reports ${reported}.`);
}

export const missingContent = (repository: Repository, digest: string): WorkError =>
  new WorkError({
    kind: 'not-found',
    title: 'A part of the image is missing',
    reason: `${atDigest(repository, digest)} does not exist, although a manifest refers to it.`,
    hint: 'publish the image again: the registry lost this part, or it was never pushed',
  });

/** @param reference the full reference */
export const missingImage = (reference: string): WorkError =>
  new WorkError({
    kind: 'not-found',
    title: 'The registry does not have this image',
    reason: `${reference} does not exist.`,
    hint: 'check the name, then log in: docker login REGISTRY',
  });
