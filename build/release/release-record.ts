import { ANNOTATION } from '../oci/annotations.ts';
import { artifactDocument, readArtifact, replaceArtifact, type StoredArtifact } from '../oci/artifact.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { DESCRIPTOR_SCHEMA, invalidContent } from '../oci/document.ts';
import { PLATFORMS, type Platform } from '../oci/platform.ts';
import { DIGEST_PATTERN, parseReference, repositoryOf, TAG_PATTERN } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';
import { type PerImage, VARIANTS } from '../spec/variant.ts';
import { parseRelease, RELEASE_EVENTS, type Release, type ReleaseEvent, type ReleaseRequest } from './release.ts';

/** A published image. */
export interface ReleasedImage {
  readonly index: Descriptor;
  readonly platforms: Readonly<Partial<Record<Platform, Descriptor>>>;
}

/** The record of a release: pushed as an artifact to every registry, before any tag is written. */
export interface ReleaseRecord extends Omit<ReleaseRequest, 'platformTags'> {
  /** Older records do not say it: they have these tags. */
  readonly platformTags?: boolean;
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

/** A record as a registry has it. Anybody who can write to the registry may have put it there: see `trustedRecord`. */
export interface StoredRecord {
  readonly record: ReleaseRecord;
  /** The manifest that holds it; signatures refer to it. */
  readonly descriptor: Descriptor;
  /** `ghcr.io/openclaw/openclaw`. */
  readonly repository: string;
}

/** The release that a record describes. */
export const recordedRelease = (record: ReleaseRecord, event: ReleaseEvent = record.event): Release =>
  parseRelease({ ...record, platformTags: record.platformTags ?? true, event });

/** The release as a push, because a backfill never moves a channel. A refresh stays a refresh. */
export const asPush = (record: ReleaseRecord): Release =>
  recordedRelease(record, record.event === 'refresh' ? 'refresh' : 'push');

const RECORD_TYPE = 'application/vnd.openclaw.release.record.v1+json';

/** The tag of a release's record. */
export const recordTag = (name: string): string => `release-${name}`;

/** Text for logs, workflow outputs and annotations: one line without spaces. */
const WORD = { type: 'string', pattern: '^[!-~]{0,500}$' } as const;
const RELEASED_IMAGE = {
  type: 'object',
  required: ['index', 'platforms'],
  properties: {
    index: DESCRIPTOR_SCHEMA,
    platforms: {
      type: 'object',
      propertyNames: { enum: PLATFORMS },
      additionalProperties: DESCRIPTOR_SCHEMA,
    },
  },
} as const;

const recordRule = ruleChecker({
  type: 'object',
  required: [
    ...['name', 'ref', 'event', 'date', 'revision', 'source', 'base', 'created', 'signed'],
    ...['registries', 'variants', 'platforms', 'images', 'tags'],
  ],
  properties: {
    name: { type: 'string', pattern: TAG_PATTERN },
    ref: { type: 'string', pattern: '^(?:refs/(?:heads/main|tags/v[0-9A-Za-z.+-]{1,100})|base/[1-9][0-9])$' },
    event: { enum: RELEASE_EVENTS },
    date: { type: 'string', pattern: '^\\d{8}$' },
    revision: WORD,
    source: WORD,
    base: { type: 'string', pattern: `^$|${DIGEST_PATTERN}` },
    created: { type: 'string', pattern: '^$|^\\d{4}-\\d{2}-\\d{2}T[\\d:.]{8,15}Z$' },
    signed: { type: 'boolean' },
    platformTags: { type: 'boolean' },
    registries: { type: 'array', minItems: 1, maxItems: 20, items: WORD },
    variants: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: VARIANTS } },
    platforms: { type: 'array', minItems: 1, uniqueItems: true, items: { enum: PLATFORMS } },
    images: {
      type: 'object',
      minProperties: 1,
      additionalProperties: false,
      properties: { default: RELEASED_IMAGE, browser: RELEASED_IMAGE },
    },
    tags: {
      type: 'array',
      maxItems: 500,
      items: {
        type: 'object',
        required: ['registry', 'tag', 'kind', 'digest'],
        properties: {
          registry: WORD,
          tag: { type: 'string', pattern: TAG_PATTERN },
          kind: { enum: ['version', 'channel'] },
          digest: { type: 'string', pattern: DIGEST_PATTERN },
        },
      },
    },
  },
});

/** @returns the first violated rule; undefined if the record is valid */
function brokenRule(value: unknown, name: string): string | undefined {
  const broken = recordRule(value);
  if (broken !== undefined) return broken;
  const record = value as ReleaseRecord;
  if (record.name !== name) return `/name is ${record.name}, but the tag is ${recordTag(name)}`;
  const digests = new Set(
    Object.values(record.images).flatMap(({ index, platforms }) =>
      [index, ...Object.values(platforms)].map(({ digest }) => digest),
    ),
  );
  const strange = record.tags.find(
    ({ registry, digest }) => !record.registries.includes(registry) || !digests.has(digest),
  );
  if (strange !== undefined)
    return `/tags has ${strange.registry}:${strange.tag}, which belongs to no image of the release`;
  return record.registries.find((registry) => !isRepositoryName(registry)) === undefined
    ? undefined
    : '/registries has an invalid name';
}

function isRepositoryName(text: string): boolean {
  try {
    return repositoryOf(parseReference(text)) === text;
  } catch {
    return false;
  }
}

/** The record as an artifact; equal in all registries, so that one signature serves all. @throws WorkError if it breaks a rule */
export function recordDocument(record: ReleaseRecord): StoredArtifact {
  // A builder handed over parts of it. Every later command would refuse a record that breaks a rule.
  const broken = brokenRule(record, record.name);
  if (broken !== undefined) throw invalidContent(recordTag(record.name), broken);
  return artifactDocument({
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

/**
 * Writes the record beside the images, if the registry still has what was read before.
 *
 * @param repository `ghcr.io/openclaw/openclaw`
 * @param before digest of the record that was read; undefined if there was none
 * @throws WorkError if another process wrote a record meanwhile
 */
export async function putRecord(
  registry: Registry,
  repository: string,
  record: ReleaseRecord,
  before: string | undefined,
): Promise<void> {
  const [at, tag] = [parseReference(repository), recordTag(record.name)];
  await replaceArtifact(registry, at, tag, recordDocument(record), before, 'the record of this release');
}

/**
 * @returns undefined without a record
 * @throws WorkError if the record breaks a rule
 */
export async function readRecord(
  registry: Registry,
  repository: string,
  name: string,
): Promise<StoredRecord | undefined> {
  const tag = recordTag(name);
  const invalid = ({ failure }: WorkError): WorkError =>
    new WorkError({ ...failure, kind: 'invalid-record', hint: clearRecordHint(name, repository) });
  const artifact = await readArtifact(registry, parseReference(repository), tag, RECORD_TYPE).catch(
    (error: unknown) => {
      throw error instanceof WorkError && error.failure.kind === 'invalid-content' ? invalid(error) : error;
    },
  );
  if (artifact === undefined) return undefined;
  const broken = brokenRule(artifact.content, name);
  if (broken === undefined)
    return { record: artifact.content as ReleaseRecord, descriptor: artifact.descriptor, repository };
  throw invalid(invalidContent(`${repository}:${tag}`, broken));
}

/** How to get rid of a record. */
export const clearRecordHint = (name: string, repository: string): string =>
  `find out who wrote it; then remove it: scripts/run release clear --record ${name} --registries ${repository}`;
