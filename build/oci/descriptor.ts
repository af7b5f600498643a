import { createHash } from 'node:crypto';
import { MEDIATYPE_PREDICATE } from '@docker/actions-toolkit/lib/types/intoto/intoto.js';
import {
  MEDIATYPE_EMPTY_JSON_V1,
  MEDIATYPE_IMAGE_INDEX_V1,
  MEDIATYPE_IMAGE_MANIFEST_V1,
} from '@docker/actions-toolkit/lib/types/oci/mediatype.js';
import type { Annotations } from './annotations.ts';

/** Refers to content by digest. Source: OCI image-spec, descriptor.md. */
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
  /** The type of an artifact that is not an image. */
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

export const MEDIA_TYPES = {
  index: MEDIATYPE_IMAGE_INDEX_V1,
  manifest: MEDIATYPE_IMAGE_MANIFEST_V1,
  empty: MEDIATYPE_EMPTY_JSON_V1,
} as const;

/** Media types of indexes and manifests, including Docker's older ones. */
export const DOCUMENT_TYPES: readonly string[] = [
  MEDIA_TYPES.index,
  MEDIA_TYPES.manifest,
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * BuildKit lists attestations in the index, as manifests of the platform `unknown`, with an annotation. An entry that has only one of
 * both is an image: it must be checked as one.
 */
export const isAttestation = ({ platform, annotations }: Pick<Descriptor, 'platform' | 'annotations'>): boolean =>
  platform?.os === 'unknown' &&
  platform.architecture === 'unknown' &&
  annotations?.[ATTESTED_TYPE] === ATTESTATION_MANIFEST;

/** Source: BuildKit, docs/attestations/attestation-storage.md. */
export const ATTESTED_TYPE = 'vnd.docker.reference.type';
export const ATTESTED_DIGEST = 'vnd.docker.reference.digest';
export const ATTESTATION_MANIFEST = 'attestation-manifest';
export const PREDICATE_TYPE = MEDIATYPE_PREDICATE;

/** `linux/amd64`; empty if an index does not say. */
export const platformOf = ({ platform }: Pick<Descriptor, 'platform'>): string =>
  // A registry may have null there.
  platform?.os === undefined ? '' : `${platform.os}/${platform.architecture}`;

/** Docker's older media type of a layer, and the same in OCI. */
const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar';
const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** A layer with OCI's media type. Docker's older ones name the same bytes. */
export const asOciLayer = ({ mediaType, digest, size }: Descriptor): Descriptor => ({
  mediaType: mediaType.startsWith(DOCKER_LAYER)
    ? `${OCI_LAYER}${mediaType.slice(DOCKER_LAYER.length).replace('.', '+')}`
    : mediaType,
  digest,
  size,
});

/** A document as it is stored: its bytes and its descriptor. */
export interface StoredDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Serialises a document to the bytes that are stored. */
export function storeDocument(document: ImageIndex | ImageManifest): StoredDocument {
  const bytes = Buffer.from(JSON.stringify(document, null, 2));
  return { bytes, descriptor: { mediaType: document.mediaType, digest: digestOf(bytes), size: bytes.length } };
}
