import { mkdir, rm } from 'node:fs/promises';
import { type Statement, statementAbout, writeAttestation } from '../attest/attestation.ts';
import { PROVENANCE_PREDICATE, type Provenance } from '../attest/provenance.ts';
import { sbomStatement } from '../attest/sbom-statement.ts';
import { mergeLayers } from '../contents/merged-layers.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { addToLayout, type ContentSource, fetchBlob, layoutContent } from '../oci/content.ts';
import {
  type Descriptor,
  digestOf,
  type ImageManifest,
  MEDIA_TYPES,
  type StoredDocument,
  storeDocument,
} from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, type Repository } from '../oci/reference.ts';
import { atDigest, nameOf, type Registry } from '../oci/registry.ts';
import type { VariantImage } from '../spec/variant.ts';
import { type ImageSource, imageFolder, indexPlatformImage, type PlatformImage } from './platform-image.ts';
import { layersAbove, rebased, rebaseProblems, refusal } from './rebase.ts';
import { type RegistryImage, readRegistryImage } from './registry-image.ts';
import type { ReleasedImage, ReleaseRecord } from './release-record.ts';
import { entriesOf } from './resolve-release.ts';

export interface RebaseRequest {
  readonly record: ReleaseRecord;
  /** The repository that has the images: `ghcr.io/openclaw/openclaw`. */
  readonly repository: string;
  /** The new base, resolved. */
  readonly base: Reference & { readonly digest: string };
  /** ISO 8601. */
  readonly created: string;
  readonly folder: string;
  readonly builderId: string;
}

/** The images of a recorded release on another base, without a build: their lowest layers are replaced. */
export const rebasedImages = (
  request: RebaseRequest,
  registry: Registry,
  onStep: (step: string) => void,
): ImageSource => ({
  build: async (platform) => {
    const images: PlatformImage[] = [];
    for (const [image, released] of entriesOf(request.record.images))
      images.push(await rebaseImage(image, released, platform, request, registry, onStep));
    return images;
  },
});

/** @returns the rebased image, in its layout folder @throws WorkError if the layers do not allow it */
async function rebaseImage(
  image: VariantImage,
  released: ReleasedImage,
  platform: Platform,
  { record, repository: name, base, created, folder, builderId }: RebaseRequest,
  registry: Registry,
  onStep: (step: string) => void,
): Promise<PlatformImage> {
  const repository = parseReference(name);
  onStep(`reading ${image} for ${platform}, and both bases`);
  const read = async (at: Repository, digest: string): Promise<RegistryImage> => {
    const found = await readRegistryImage(registry, at, digest, platform);
    if (found === undefined) throw refusal(`${atDigest(at, digest)} is not for ${platform}`);
    return found;
  };
  const before = await read(repository, released.index.digest);
  const labels = before.config.config?.Labels ?? {};
  const oldBase = parseReference(labels[ANNOTATION.baseName] ?? '');
  const from = await read(oldBase, labels[ANNOTATION.baseDigest] ?? '');
  const to = await read(base, base.digest);
  const upper = layersAbove(before, from);
  const layout = imageFolder(folder, { image, platform });
  await rm(layout, { recursive: true, force: true });
  await mkdir(layout, { recursive: true });
  onStep(`fetching the layers of ${image} for ${platform}, and of both bases`);
  // Fetching checks the digests, on which the comparison below relies.
  const layers = new Map(
    [from, to, before].flatMap(({ source, manifest }) =>
      manifest.layers.map((layer) => [layer.digest, { layer, source }]),
    ),
  );
  for (const { layer, source } of layers.values()) await fetchBlob(source, layer, layout);
  onStep(`comparing the files that ${image} overwrites with the differences between the bases`);
  await refuseClashes(layoutContent(layout), upper, from, to);

  const baseName = `${nameOf(base)}:${base.tag ?? 'latest'}`;
  const result = rebased(before, from, to, { name: baseName, digest: base.digest }, created);
  const { manifest, content } = await writeManifest(layout, result, platform);
  const dependencies = provenanceOf(record, name, released.index.digest, base, result.annotations, builderId);
  const statements: readonly Statement[] = [
    statementAbout(manifest, PROVENANCE_PREDICATE, dependencies),
    await sbomStatement(layoutContent(layout), platform, manifest, content, result.annotations),
  ];
  const attestation = await writeAttestation(layout, manifest, statements);
  const { annotations } = result;
  return indexPlatformImage(layout, { image, platform, manifest, attestation, annotations });
}

/** @throws WorkError if an upper layer depends on a path in which the bases differ */
async function refuseClashes(
  source: ContentSource,
  upper: readonly Descriptor[],
  from: RegistryImage,
  to: RegistryImage,
): Promise<void> {
  const filesOf = async ({ manifest }: RegistryImage) =>
    (await mergeLayers(source, manifest.layers, { texts: () => false, fingerprints: true })).files;
  const written = await mergeLayers(source, upper, { texts: () => false, fingerprints: false });
  const problems = rebaseProblems(
    { base: from, files: await filesOf(from) },
    { base: to, files: await filesOf(to) },
    written,
  );
  if (problems.length > 0) throw refusal(problems.join('; '));
}

/** Writes config and manifest of a rebased image to its layout. */
async function writeManifest(
  layout: string,
  { config, layers, annotations }: ReturnType<typeof rebased>,
  platform: Platform,
): Promise<{ readonly manifest: Descriptor; readonly content: ImageManifest }> {
  const bytes = Buffer.from(JSON.stringify(config));
  const stored: StoredDocument = {
    bytes,
    descriptor: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(bytes),
      size: bytes.length,
    },
  };
  await addToLayout(layout, stored);
  const { manifest: mediaType } = MEDIA_TYPES;
  const content: ImageManifest = { schemaVersion: 2, mediaType, config: stored.descriptor, layers, annotations };
  const document = storeDocument(content);
  await addToLayout(layout, document);
  const [os = '', architecture = ''] = platform.split('/');
  return { manifest: { ...document.descriptor, platform: { os, architecture } }, content };
}

/** The provenance of a rebase: the image and both bases, and the builder. Source: https://slsa.dev/spec/v1.0/provenance */
const provenanceOf = (
  record: ReleaseRecord,
  repository: string,
  digest: string,
  base: RebaseRequest['base'],
  annotations: Readonly<Record<string, string>>,
  builderId: string,
): Provenance => ({
  buildDefinition: {
    buildType: 'https://github.com/openclaw/openclaw-image#rebase',
    externalParameters: { image: `${repository}@${digest}`, request: { args: annotations } },
    resolvedDependencies: [
      { uri: `pkg:docker/${repository}@${record.name}`, digest: { sha256: digest.replace('sha256:', '') } },
      { uri: `pkg:docker/${formatReference(base)}`, digest: { sha256: base.digest.replace('sha256:', '') } },
    ],
  },
  runDetails: { builder: { id: builderId } },
});
