import { mkdir, rm } from 'node:fs/promises';
import { addToLayout, type ContentSource, fetchBlob, layoutContent, registryContent } from '../oci/content.ts';
import {
  type Descriptor,
  digestOf,
  type ImageIndex,
  type ImageManifest,
  isAttestation,
  MEDIA_TYPES,
  platformOf,
  storeDocument,
} from '../oci/descriptor.ts';
import { mergeLayers } from '../oci/merged-layers.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, type Repository } from '../oci/reference.ts';
import { parseDocument, type Registry } from '../oci/registry.ts';
import type { VariantImage } from '../spec/variant.ts';
import { type Statement, statementAbout, writeAttestation } from './attestations.ts';
import { indexPiece, pieceFolder } from './build-pieces.ts';
import { PROVENANCE_PREDICATE, type Provenance } from './published-checks.ts';
import { BASE_DIGEST, BASE_NAME, type ImageParts, layersAbove, rebased, rebaseProblems, refusal } from './rebase.ts';
import type { Piece, ReleaseRecord } from './release-record.ts';
import { sbomStatement } from './sbom-statement.ts';

export interface RebaseRequest {
  readonly record: ReleaseRecord;
  /** The new base, resolved. */
  readonly base: Reference & { readonly digest: string };
  /** ISO 8601. */
  readonly created: string;
  readonly folder: string;
  readonly builderId: string;
}

interface FoundImage extends ImageParts {
  readonly manifest: ImageManifest;
  readonly source: ContentSource;
}

/**
 * Puts one platform of a published image on another base, without building: its lowest layers are exchanged.
 *
 * @returns a piece, in a folder of its own
 * @throws WorkError where the layers do not allow it
 */
export async function rebasePiece(
  image: VariantImage,
  platform: Platform,
  { record, base, created, folder: parent, builderId }: RebaseRequest,
  registry: Registry,
  onStep: (step: string) => void,
): Promise<Piece> {
  const repository = parseReference(record.registries[0] ?? '');
  const released = record.images[image];
  if (released === undefined) throw refusal(`the record of ${record.name} has no image ${image}`);
  onStep(`reading ${image} for ${platform}, and both bases`);
  const before = await findImage(registry, repository, released.index.digest, platform);
  const labels = before.config.config?.Labels ?? {};
  const oldName = parseReference(labels[BASE_NAME] ?? '');
  const from = await findImage(registry, oldName, labels[BASE_DIGEST] ?? '', platform);
  const to = await findImage(registry, base, base.digest, platform);
  const above = layersAbove(before, from);
  const folder = pieceFolder(parent, { image, platform });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  onStep(`fetching the layers of ${image} for ${platform}, and of both bases`);
  // Checked by their digests on the way: what is decided below rests on them.
  const wanted = new Map(
    [from, to, before].flatMap(({ source, manifest }) => manifest.layers.map((one) => [one.digest, source])),
  );
  for (const [digest, source] of wanted) await fetchBlob(source, digest, folder);
  const source = layoutContent(folder);
  onStep(`comparing what ${image} writes with what the bases differ in`);
  const files = async ({ manifest }: FoundImage) =>
    (await mergeLayers(source, manifest.layers, { texts: () => false, fingerprints: true })).files;
  const written = await mergeLayers(source, above, { texts: () => false, fingerprints: false });
  const problems = rebaseProblems(
    { base: from, files: await files(from) },
    { base: to, files: await files(to) },
    written,
  );
  if (problems.length > 0) throw refusal(problems.join('; '));

  const name = `${base.registry}/${base.repository}:${base.tag ?? 'latest'}`;
  const made = rebased(before, from, to, { name, digest: base.digest }, created);
  const configBytes = Buffer.from(JSON.stringify(made.config));
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf(configBytes),
    size: configBytes.length,
  };
  await addToLayout(folder, { bytes: configBytes, descriptor: config });
  const document = storeDocument({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config,
    layers: made.layers,
    annotations: made.annotations,
  });
  await addToLayout(folder, document);
  const [os = '', architecture = ''] = platform.split('/');
  const manifest: Descriptor = { ...document.descriptor, platform: { os, architecture } };
  const statements: readonly Statement[] = [
    statementAbout(
      manifest,
      PROVENANCE_PREDICATE,
      rebaseProvenance(record, released.index.digest, base, made.annotations, builderId),
    ),
    await sbomStatement(source, platform, manifest, made.layers, made.annotations),
  ];
  const attestation = await writeAttestation(folder, manifest, statements);
  return indexPiece(folder, { image, platform, manifest, attestation, annotations: made.annotations });
}

/** Of what it was made, and by whom. Source: https://slsa.dev/spec/v1.0/provenance */
const rebaseProvenance = (
  record: ReleaseRecord,
  digest: string,
  base: RebaseRequest['base'],
  annotations: Readonly<Record<string, string>>,
  builderId: string,
): Provenance => ({
  buildDefinition: {
    buildType: 'https://github.com/openclaw/openclaw-image#rebase',
    externalParameters: { image: `${record.registries[0]}@${digest}`, request: { args: annotations } },
    resolvedDependencies: [
      { uri: `pkg:docker/${record.registries[0]}@${record.name}`, digest: { sha256: digest.replace('sha256:', '') } },
      { uri: `pkg:docker/${formatReference(base)}`, digest: { sha256: base.digest.replace('sha256:', '') } },
    ],
  },
  runDetails: { builder: { id: builderId } },
});

async function findImage(
  registry: Registry,
  repository: Repository,
  digest: string,
  platform: Platform,
): Promise<FoundImage> {
  const source = registryContent(registry, repository);
  const bytes = await source.document(digest);
  const { manifests } = parseDocument<Partial<ImageIndex>>(bytes);
  const found = manifests?.find((one) => !isAttestation(one) && platformOf(one) === platform);
  if (manifests !== undefined && found === undefined)
    throw refusal(`${repository.registry}/${repository.repository}@${digest} has no ${platform}`);
  const manifest = parseDocument<ImageManifest>(found === undefined ? bytes : await source.document(found.digest));
  const config = parseDocument<ImageParts['config']>(await source.blob(manifest.config.digest));
  if (`${config.os}/${config.architecture}` !== platform)
    throw refusal(
      `${repository.registry}/${repository.repository}@${digest} is for ${config.os}/${config.architecture}`,
    );
  return { manifest, config, source };
}
