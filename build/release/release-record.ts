import { ANNOTATION } from '../oci/annotations.ts';
import { putArtifact, readArtifact } from '../oci/artifact.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import type { PerImage } from '../spec/variant.ts';
import type { ReleaseRequest } from './release.ts';

/** A published image. */
export interface ReleasedImage {
  readonly index: Descriptor;
  readonly platforms: Readonly<Partial<Record<Platform, Descriptor>>>;
}

/** The record of a release: pushed as an artifact to every registry, before any tag is written. */
export interface ReleaseRecord extends ReleaseRequest {
  readonly name: string;
  readonly revision: string;
  readonly source: string;
  /** Digest of the base of its images. */
  readonly base: string;
  /** Time of the sources, or of a refresh its date; ISO 8601. */
  readonly created: string;
  readonly images: PerImage<ReleasedImage>;
  readonly signed: boolean;
  /** In the order in which they are written. */
  readonly tags: readonly RecordedTag[];
}

export interface RecordedTag {
  readonly registry: string;
  readonly tag: string;
  readonly kind: 'version' | 'channel';
  readonly digest: string;
}

const RECORD_TYPE = 'application/vnd.openclaw.release.record.v1+json';

/** The tag of a release's record. */
const recordTag = (name: string): string => `release-${name}`;

/** Writes the record beside the images. @param repository `ghcr.io/openclaw/openclaw` */
export async function putRecord(registry: Registry, repository: string, record: ReleaseRecord): Promise<void> {
  await putArtifact(registry, parseReference(repository), recordTag(record.name), {
    type: RECORD_TYPE,
    annotations: {
      [ANNOTATION.title]: `Release of ${record.name}`,
      [ANNOTATION.source]: record.source,
      [ANNOTATION.revision]: record.revision,
    },
    content: record,
    subject: record.images.default?.index ?? record.images.browser?.index,
  });
}

/** @returns undefined if there is no record */
export async function readRecord(
  registry: Registry,
  repository: string,
  name: string,
): Promise<ReleaseRecord | undefined> {
  const artifact = await readArtifact(registry, parseReference(repository), recordTag(name), RECORD_TYPE);
  return artifact?.content as ReleaseRecord | undefined;
}
