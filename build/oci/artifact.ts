import { WorkError } from '../problem.ts';
import type { Annotations } from './annotations.ts';
import {
  type Descriptor,
  digestOf,
  type ImageManifest,
  MEDIA_TYPES,
  type StoredDocument,
  storeDocument,
} from './descriptor.ts';
import { invalidContent, isBadContent, isIndex, parseJson } from './document.ts';
import { type Repository, repositoryOf } from './reference.ts';
import type { Registry } from './registry.ts';

/** A small JSON document stored in a repository, beside the images. Source: OCI image-spec, manifest.md, "Guidelines for Artifact Usage". */
export interface Artifact {
  /** The artifact type: `application/vnd.openclaw.release.record.v1+json`. */
  readonly type: string;
  readonly annotations: Annotations;
  /** JSON; undefined if the annotations are enough. */
  readonly content?: unknown;
  /** The image that the artifact refers to. */
  readonly subject?: Descriptor | undefined;
}

/** Source: OCI image-spec, manifest.md, "Guidance for an Empty Descriptor". */
export const EMPTY = Buffer.from('{}');
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: MEDIA_TYPES.empty,
  digest: digestOf(EMPTY),
  size: EMPTY.length,
};

export async function putSmallBlob(
  registry: Registry,
  repository: Repository,
  descriptor: Descriptor,
  bytes: Buffer,
): Promise<void> {
  if (!(await registry.hasBlob(repository, descriptor)))
    await registry.putBlob(repository, descriptor, async () => bytes);
}

/** An artifact as it is stored: its manifest, and the blob with its content. */
export interface StoredArtifact {
  readonly manifest: StoredDocument;
  readonly layer: StoredDocument;
}

/** Serialises an artifact. Equal artifacts have equal digests. */
export function artifactDocument({ type, annotations, content, subject }: Artifact): StoredArtifact {
  const bytes = content === undefined ? EMPTY : Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  const layer = {
    mediaType: content === undefined ? MEDIA_TYPES.empty : type,
    digest: digestOf(bytes),
    size: bytes.length,
  };
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: type,
    config: EMPTY_DESCRIPTOR,
    layers: [layer],
    annotations,
    ...(subject === undefined ? {} : { subject }),
  };
  return { manifest: storeDocument(manifest), layer: { descriptor: layer, bytes } };
}

/** Stores an artifact under a tag, and replaces the previous one. */
export const putArtifact = (
  registry: Registry,
  repository: Repository,
  tag: string,
  artifact: Artifact,
): Promise<void> => putArtifactDocument(registry, repository, tag, artifactDocument(artifact));

async function putArtifactDocument(
  registry: Registry,
  repository: Repository,
  tag: string,
  { manifest, layer }: StoredArtifact,
): Promise<void> {
  await putSmallBlob(registry, repository, EMPTY_DESCRIPTOR, EMPTY);
  await putSmallBlob(registry, repository, layer.descriptor, layer.bytes);
  await registry.putDocument(repository, tag, manifest);
}

/** Stores an artifact without a tag. */
export const putUntagged = (registry: Registry, repository: Repository, artifact: StoredArtifact): Promise<void> =>
  putArtifactDocument(registry, repository, artifact.manifest.descriptor.digest, artifact);

/** The digest of the artifact under a tag; undefined if there is none. */
export const artifactDigest = async (
  registry: Registry,
  repository: Repository,
  tag: string,
): Promise<string | undefined> => (await registry.document(repository, tag))?.descriptor.digest;

/**
 * Replaces an artifact, if the registry still has the one that was read before.
 *
 * @param before digest of the artifact that was read; undefined if there was none
 * @param what continues "Another process wrote"
 * @throws WorkError if another process wrote one meanwhile
 */
export async function replaceArtifact(
  registry: Registry,
  repository: Repository,
  tag: string,
  artifact: StoredArtifact,
  before: string | undefined,
  what: string,
): Promise<void> {
  const now = await artifactDigest(registry, repository, tag);
  if (now !== before && now !== artifact.manifest.descriptor.digest) {
    throw new WorkError({
      kind: 'record-changed',
      title: `Another process wrote ${what}`,
      reason: `${repositoryOf(repository)}:${tag} was ${before ?? 'missing'} when it was read, and is ${now ?? 'missing'} now.`,
      hint: 'find out who writes to this repository, then run the same command again',
    });
  }
  await putArtifactDocument(registry, repository, tag, artifact);
}

const CLEARED_TYPE = 'application/vnd.openclaw.cleared.v1+json';

/** Replaces an artifact by an empty one. Registries allow this to everybody who can push, unlike deleting. */
export const clearArtifact = (registry: Registry, repository: Repository, tag: string): Promise<void> =>
  putArtifact(registry, repository, tag, { type: CLEARED_TYPE, annotations: {} });

/**
 * @returns undefined if the tag does not exist or has another type
 * @throws WorkError of the kind `invalid-content` if its manifest is not valid, or its content is missing or other than the manifest says
 */
export async function readArtifact(
  registry: Registry,
  repository: Repository,
  tag: string,
  type: string,
): Promise<(Pick<Artifact, 'annotations' | 'content'> & { readonly descriptor: Descriptor }) | undefined> {
  const name = `${repositoryOf(repository)}:${tag}`;
  const document = await registry.document(repository, tag).catch((error: unknown) => {
    throw isBadContent(error) ? invalidContent(name, error.failure.reason.replace(/\.$/, ''), { cause: error }) : error;
  });
  if (document === undefined) return undefined;
  const { content: manifest, descriptor } = document;
  if (isIndex(manifest) || manifest.artifactType !== type) return undefined;
  const [layer] = manifest.layers;
  if (layer === undefined) return undefined;
  const artifact = { annotations: manifest.annotations ?? {}, descriptor };
  if (layer.mediaType === MEDIA_TYPES.empty) return artifact;
  const bytes = await registry.blob(repository, layer.digest).catch((error: unknown) => {
    throw isBadContent(error)
      ? invalidContent(name, `its content cannot be read: ${error.failure.reason}`, { cause: error })
      : error;
  });
  // Parsed, it needs forty times the memory, and anybody who can push may have written it.
  if (bytes.length > LARGEST_CONTENT)
    throw invalidContent(name, `its content has ${bytes.length} bytes, more than ${LARGEST_CONTENT}`);
  return { ...artifact, content: parseJson(bytes, name) };
}

/** Bytes. The record of a release with all variants and two registries has 20,000. */
const LARGEST_CONTENT = 1 << 20;
