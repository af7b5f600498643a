import { MEDIATYPE_PAYLOAD, type Subject } from '@docker/actions-toolkit/lib/types/intoto/intoto.js';
import { MEDIATYPE_IMAGE_CONFIG_V1 } from '@docker/actions-toolkit/lib/types/oci/mediatype.js';
import { countValues, MOST_VALUES } from '../json-values.ts';
import { addToLayout, type ContentSource } from '../oci/content.ts';
import {
  ATTESTATION_MANIFEST,
  ATTESTED_DIGEST,
  ATTESTED_TYPE,
  type Descriptor,
  digestOf,
  isAttestation,
  MEDIA_TYPES,
  PREDICATE_TYPE,
  platformOf,
  storeDocument,
} from '../oci/descriptor.ts';
import { invalidContent, manifestsOf, parseDocument, parseManifest, parseValid } from '../oci/document.ts';
import type { Platform } from '../oci/platform.ts';
import { ruleChecker } from '../schema.ts';

/** Source: https://github.com/in-toto/attestation/blob/main/spec/v0.1.0/statement.md */
export interface Statement<Predicate = unknown> {
  readonly _type: 'https://in-toto.io/Statement/v0.1' | 'https://in-toto.io/Statement/v1';
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

/** An in-toto statement about the manifest of one platform. */
export const statementAbout = (manifest: Descriptor, predicateType: string, predicate: unknown): Statement => ({
  _type: 'https://in-toto.io/Statement/v0.1',
  subject: [{ name: '_', digest: { sha256: manifest.digest.replace('sha256:', '') } }],
  predicateType,
  predicate,
});

/**
 * Writes the attestations of a manifest in BuildKit's format, which Docker's tools read.
 *
 * Source: BuildKit, docs/attestations/attestation-storage.md
 * @param folder OCI image layout
 * @returns the descriptor to add to the index of the manifest
 */
export async function writeAttestation(
  folder: string,
  manifest: Descriptor,
  statements: readonly Statement[],
): Promise<Descriptor> {
  const layers = await Promise.all(
    statements.map((statement) =>
      addBlob(folder, MEDIATYPE_PAYLOAD, statement, { [PREDICATE_TYPE]: statement.predicateType }),
    ),
  );
  const config = await addBlob(folder, MEDIATYPE_IMAGE_CONFIG_V1, {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const document = storeDocument({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config,
    layers,
  });
  await addToLayout(folder, document);
  return {
    ...document.descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { [ATTESTED_TYPE]: ATTESTATION_MANIFEST, [ATTESTED_DIGEST]: manifest.digest },
  };
}

async function addBlob(
  folder: string,
  mediaType: string,
  content: unknown,
  annotations?: Readonly<Record<string, string>>,
): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content));
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await addToLayout(folder, { bytes, descriptor });
  return annotations === undefined ? descriptor : { ...descriptor, annotations };
}

/** BuildKit writes one of each kind, provenance and SBOM; a release adds one. */
const MOST_STATEMENTS = 16;
/** All statements of an image stay in memory, with those of its other platforms. */
const MOST_STATEMENT_VALUES = MOST_VALUES / 2;

/** Reads the attestations of a manifest. @returns statements by predicate type */
export async function readStatements(
  source: ContentSource,
  attestation: Descriptor,
): Promise<ReadonlyMap<string, Statement>> {
  const { layers } = parseManifest(await source.document(attestation.digest), attestation.digest);
  // Beside statements, it could hold an image that nothing checks.
  const other = layers.find(({ mediaType }) => mediaType !== MEDIATYPE_PAYLOAD);
  if (other !== undefined)
    throw invalidContent(attestation.digest, `it holds ${other.mediaType}, and may only hold statements`);
  const digests = [...new Set(layers.map(({ digest }) => digest))];
  if (digests.length > MOST_STATEMENTS)
    throw invalidContent(attestation.digest, `it has ${digests.length} statements, more than ${MOST_STATEMENTS}`);
  const statements: Statement[] = [];
  let values = 0;
  // One after the other: an SBOM has several megabytes.
  for (const digest of digests) {
    const bytes = await source.blob(digest);
    values += countValues(bytes);
    if (values > MOST_STATEMENT_VALUES)
      throw invalidContent(attestation.digest, `its statements have more than ${MOST_STATEMENT_VALUES} values`);
    statements.push(parseValid<Statement>(bytes, digest, statementRule));
  }
  return new Map(statements.map((statement) => [statement.predicateType, statement]));
}

/**
 * Reads the attestations of an image for one platform.
 *
 * @param digest of its index
 * @returns statements by predicate type; empty if the image has none
 */
export async function statementsOf(
  source: ContentSource,
  digest: string,
  platform: Platform,
): Promise<ReadonlyMap<string, Statement>> {
  const entries = manifestsOf(parseDocument(await source.document(digest), digest));
  const image = entries.find((entry) => !isAttestation(entry) && platformOf(entry) === platform);
  const attestation = entries.find(
    (entry) => isAttestation(entry) && entry.annotations?.[ATTESTED_DIGEST] === image?.digest,
  );
  return attestation === undefined ? new Map() : readStatements(source, attestation);
}

const statementRule = ruleChecker({
  type: 'object',
  required: ['subject', 'predicateType', 'predicate'],
  properties: {
    subject: {
      type: 'array',
      items: { type: 'object', required: ['digest'], properties: { digest: { type: 'object' } } },
    },
    predicateType: { type: 'string' },
    predicate: { type: 'object' },
  },
});
