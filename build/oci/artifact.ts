import type { Annotations } from './annotations.ts';
import { type Descriptor, digestOf, type ImageManifest, MEDIA_TYPES, storeDocument } from './descriptor.ts';
import type { Repository } from './reference.ts';
import { parseDocument, type Registry } from './registry.ts';

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

/** Stores an artifact under a tag, and replaces the previous one. @returns the digest of its manifest */
export async function putArtifact(
  registry: Registry,
  repository: Repository,
  tag: string,
  { type, annotations, content, subject }: Artifact,
): Promise<string> {
  const bytes = content === undefined ? EMPTY : Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
  const layer = {
    mediaType: content === undefined ? MEDIA_TYPES.empty : type,
    digest: digestOf(bytes),
    size: bytes.length,
  };
  await putSmallBlob(registry, repository, EMPTY_DESCRIPTOR, EMPTY);
  await putSmallBlob(registry, repository, layer, bytes);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    artifactType: type,
    config: EMPTY_DESCRIPTOR,
    layers: [layer],
    annotations,
    ...(subject === undefined ? {} : { subject }),
  };
  const document = storeDocument(manifest);
  await registry.putDocument(repository, tag, document);
  return document.descriptor.digest;
}

/** @returns undefined if the tag does not exist or has another type */
export async function readArtifact(
  registry: Registry,
  repository: Repository,
  tag: string,
  type: string,
): Promise<(Pick<Artifact, 'annotations' | 'content'> & { readonly digest: string }) | undefined> {
  const document = await registry.document(repository, tag);
  if (document === undefined) return undefined;
  const manifest = parseDocument<ImageManifest>(document.bytes);
  const [layer] = manifest.layers ?? [];
  if (manifest.artifactType !== type || layer === undefined) return undefined;
  const artifact = { annotations: manifest.annotations ?? {}, digest: document.descriptor.digest };
  if (layer.mediaType === MEDIA_TYPES.empty) return artifact;
  return {
    ...artifact,
    content: parseDocument<unknown>(await registry.blob(repository, layer.digest)),
  };
}
