import { refreshTag } from '../gateway/version.ts';
import type { Annotations } from '../oci/annotations.ts';
import { putArtifact, readArtifact } from '../oci/artifact.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import type { Variant, VariantImage } from '../spec/variant.ts';
import type { ReleaseEvent, ReleaseRequest } from './plan-release.ts';
import { parseReleaseRef } from './release-ref.ts';

/** One platform of one image: built, verified, and to be joined with others. */
export interface Piece {
  readonly image: VariantImage;
  readonly platform: Platform;
  readonly manifest: Descriptor;
  /** Its provenance and its SBOM. */
  readonly attestation: Descriptor;
  /** Of this platform alone: what the tags that end in an architecture name. */
  readonly index: Descriptor;
  readonly annotations: Annotations;
}

/** An image as it is published. */
export interface ReleasedImage {
  readonly index: Descriptor;
  readonly platforms: Readonly<Partial<Record<Platform, Descriptor>>>;
}

/** What a release is: pushed as an artifact to every registry, before anything is tagged. */
export interface ReleaseRecord {
  readonly name: string;
  readonly ref: string;
  readonly event: ReleaseEvent;
  readonly date: string;
  readonly revision: string;
  readonly source: string;
  /** Digest of the base that its images stand on. */
  readonly base: string;
  /** When its sources became what they are, or of a refresh its day: ISO 8601. */
  readonly created: string;
  readonly registries: readonly string[];
  readonly variants: readonly Variant[];
  readonly platforms: readonly Platform[];
  readonly images: Readonly<Partial<Record<VariantImage, ReleasedImage>>>;
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

/** What a release is called: `2026.3.13`, `2026.3.13-r20260401`, `main`. */
export function releaseName({ ref, event, date }: Pick<ReleaseRequest, 'ref' | 'event' | 'date'>): string {
  const parsed = parseReleaseRef(ref);
  if (parsed === undefined) return ref;
  if (parsed.kind === 'branch') return 'main';
  return event === 'refresh' ? refreshTag(parsed.version, date) : parsed.version.text;
}

/** The tag under which its record stands. */
export const recordTag = (name: string): string => `release-${name}`;

/** Writes it beside the images. @param repository `ghcr.io/openclaw/openclaw` */
export async function putRecord(registry: Registry, repository: string, record: ReleaseRecord): Promise<void> {
  await putArtifact(registry, parseReference(repository), recordTag(record.name), {
    type: RECORD_TYPE,
    annotations: {
      'org.opencontainers.image.title': `Release of ${record.name}`,
      'org.opencontainers.image.source': record.source,
      'org.opencontainers.image.revision': record.revision,
    },
    content: record,
    subject: record.images.default?.index ?? record.images.browser?.index,
  });
}

/** @returns undefined where there is none */
export async function readRecord(
  registry: Registry,
  repository: string,
  name: string,
): Promise<ReleaseRecord | undefined> {
  const found = await readArtifact(registry, parseReference(repository), recordTag(name), RECORD_TYPE);
  return found?.content as ReleaseRecord | undefined;
}
