import { createHash } from 'node:crypto';
import type { Annotations } from './annotations.ts';

/** What points at content. Source: OCI image-spec, descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Annotations;
}

/** Source: OCI image-spec, image-index.md. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Annotations;
}

/** Source: OCI image-spec, manifest.md. */
export interface ImageManifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  /** What a document that is no image is for. */
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

export const MEDIA_TYPES = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  empty: 'application/vnd.oci.empty.v1+json',
} as const;

/** Indexes and manifests, Docker's older words for them included: everything that is no blob. */
export const DOCUMENT_TYPES: readonly string[] = [
  MEDIA_TYPES.index,
  MEDIA_TYPES.manifest,
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** BuildKit's attestations stand in the index as manifests of this platform. */
export const isAttestation = ({ platform, annotations }: Pick<Descriptor, 'platform' | 'annotations'>): boolean =>
  platform?.os === 'unknown' || annotations?.[ATTESTED_TYPE] === ATTESTATION_MANIFEST;

/** Source: BuildKit, docs/attestations/attestation-storage.md. */
export const ATTESTED_TYPE = 'vnd.docker.reference.type';
export const ATTESTED_DIGEST = 'vnd.docker.reference.digest';
export const ATTESTATION_MANIFEST = 'attestation-manifest';
export const PREDICATE_TYPE = 'in-toto.io/predicate-type';

/** `linux/amd64`; empty where an index does not say. */
export const platformOf = ({ platform }: Pick<Descriptor, 'platform'>): string =>
  platform === undefined ? '' : `${platform.os}/${platform.architecture}`;

/** A document as it is stored: its bytes, and what points at them. */
export interface StoredDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Writes a document out as it will be stored. */
export function storeDocument(document: ImageIndex | ImageManifest): StoredDocument {
  const bytes = Buffer.from(JSON.stringify(document, null, 2));
  return { bytes, descriptor: { mediaType: document.mediaType, digest: digestOf(bytes), size: bytes.length } };
}
