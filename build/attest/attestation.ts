import { addToLayout, type ContentSource } from '../oci/content.ts';
import {
  ATTESTATION_MANIFEST,
  ATTESTED_DIGEST,
  ATTESTED_TYPE,
  type Descriptor,
  digestOf,
  type ImageManifest,
  PREDICATE_TYPE,
  storeDocument,
} from '../oci/descriptor.ts';
import { parseDocument } from '../oci/registry.ts';

/** Source: https://github.com/in-toto/attestation/blob/main/spec/v0.1.0/statement.md */
export interface Statement<Predicate = unknown> {
  readonly _type: 'https://in-toto.io/Statement/v0.1' | 'https://in-toto.io/Statement/v1';
  readonly subject: readonly { readonly name: string; readonly digest: Readonly<Record<string, string>> }[];
  readonly predicateType: string;
  readonly predicate: Predicate;
}

const STATEMENT_TYPE = 'application/vnd.in-toto+json';
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json';

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
      addBlob(folder, STATEMENT_TYPE, statement, { [PREDICATE_TYPE]: statement.predicateType }),
    ),
  );
  const config = await addBlob(folder, CONFIG_TYPE, {
    architecture: 'unknown',
    os: 'unknown',
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
  });
  const document = storeDocument({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
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

/** Reads the attestations of a manifest. @returns statements by predicate type */
export async function readStatements(
  source: ContentSource,
  attestation: Descriptor,
): Promise<ReadonlyMap<string, Statement>> {
  const { layers } = parseDocument<ImageManifest>(await source.document(attestation.digest));
  const statements = await Promise.all(
    layers
      .filter(({ mediaType }) => mediaType === STATEMENT_TYPE)
      .map(async ({ digest }) => parseDocument<Statement>(await source.blob(digest))),
  );
  return new Map(statements.map((statement) => [statement.predicateType, statement]));
}
