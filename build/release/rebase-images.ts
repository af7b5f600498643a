import { mkdir, rm } from 'node:fs/promises';
import { type Statement, statementAbout, statementsOf, writeAttestation } from '../attest/attestation.ts';
import { PROVENANCE_PREDICATE, type Provenance, recordedDockerfile } from '../attest/provenance.ts';
import { sbomStatement } from '../attest/sbom-statement.ts';
import { baseOf } from '../base/base-labels.ts';
import { compareImages } from '../contents/compare-images.ts';
import { readLayers } from '../contents/image-contents.ts';
import { mergeLayers } from '../contents/merged-layers.ts';
import type { BuildContext } from '../image/resolve-contexts.ts';
import { addToLayout, fetchBlob, layoutContent } from '../oci/content.ts';
import {
  type Descriptor,
  digestOf,
  type ImageManifest,
  MEDIA_TYPES,
  type StoredDocument,
  storeDocument,
} from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import {
  type DigestReference,
  formatReference,
  parseReference,
  type Repository,
  taggedName,
} from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import type { VariantImage } from '../spec/variant.ts';
import { buildSystemLayers, hasPnpmStage, hasSystemStages } from './build-system-layers.ts';
import { type ImageSource, imageFolder, indexPlatformImage, type PlatformImage } from './platform-image.ts';
import {
  type ImageParts,
  isOfGateway,
  layersAbove,
  lowestLayers,
  nodeProblem,
  rebased,
  rebaseProblems,
  refusal,
} from './rebase.ts';
import { INPUTS_PREDICATE } from './recorded-inputs.ts';
import { type RegistryImage, readRegistryImage } from './registry-image.ts';
import type { ReleasedImage, ReleaseRecord } from './release-record.ts';
import { entriesOf } from './resolve-release.ts';

export interface RebaseRequest {
  readonly record: ReleaseRecord;
  /** The repository that has the images: `ghcr.io/openclaw/openclaw`. */
  readonly repository: string;
  /** The new base, resolved; that of the run base, if there is one. */
  readonly base: DigestReference;
  /** The new base with Debian's packages, whose layers come into images that add no further packages. */
  readonly runBase: DigestReference | undefined;
  /** Whether Debian's packages are installed again although the base does not need it. */
  readonly newPackages: boolean;
  /** ISO 8601. */
  readonly created: string;
  readonly folder: string;
  readonly builderId: string;
  /** Path of a PEM file with extra certificate authorities. */
  readonly ca: string | undefined;
}

/** Opens an engine that builds system layers. */
type OpenEngine = () => Promise<BuildContext>;

/** The images of a recorded release on another base, without a build of the gateway: only the layers below it are replaced. */
export const rebasedImages = (
  request: RebaseRequest,
  registry: Registry,
  openEngine: OpenEngine,
  onStep: (step: string) => void,
): ImageSource => ({
  build: async (platform) => {
    const images: PlatformImage[] = [];
    for (const [image, released] of entriesOf(request.record.images))
      images.push(await rebaseImage(image, released, platform, request, registry, openEngine, onStep));
    return images;
  },
});

/** @returns the rebased image, in its layout folder @throws WorkError if the layers do not allow it */
async function rebaseImage(
  image: VariantImage,
  released: ReleasedImage,
  platform: Platform,
  request: RebaseRequest,
  registry: Registry,
  openEngine: OpenEngine,
  onStep: (step: string) => void,
): Promise<PlatformImage> {
  const { record, repository: name, base, runBase, created, folder, builderId } = request;
  const repository = parseReference(name);
  onStep(`reading ${image} for ${platform}, and both bases`);
  const read = async (at: Repository, digest: string): Promise<RegistryImage> => {
    const found = await readRegistryImage(registry, at, digest, platform);
    if (found === undefined) throw refusal(`${atDigest(at, digest)} is not for ${platform}`);
    return found;
  };
  const before = await read(repository, released.index.digest);
  const oldBase = baseOf(before.config.config?.Labels ?? {});
  if (oldBase === undefined) throw refusal(`${atDigest(repository, released.index.digest)} does not name its base`);
  const from = await read(oldBase, oldBase.digest);
  const to = await read(base, base.digest);
  const upper = layersAbove(before, from);
  const node = nodeProblem(from, to);
  if (node !== undefined) throw refusal(node);
  const layout = imageFolder(folder, { image, platform });
  await rm(layout, { recursive: true, force: true });
  await mkdir(layout, { recursive: true });
  onStep(`fetching the layers of ${image} for ${platform}, and of both bases`);
  // Fetching checks the digests, on which the comparison below relies.
  await fetchLayers([before, from, to], layout);

  onStep(`comparing the files that ${image} overwrites with the differences between the bases`);
  const isSameBase = oldBase.digest === base.digest;
  const problems = await conflictingPaths(layout, upper, from, to);
  const recorded = await statementsOf(before.source, released.index.digest, platform);
  const builtBy = recorded.get(PROVENANCE_PREDICATE);
  const dockerfile = builtBy && recordedDockerfile(builtBy.predicate as Provenance);
  if (dockerfile !== undefined && !hasPnpmStage(dockerfile))
    throw refusal('the image is older than the rule that every image has pnpm: build a refresh instead');
  const count = await systemLayerCount(layout, before, from);
  let below: { readonly from: ImageParts; readonly to: ImageParts } = { from, to };
  const packaged = runBase && (await onRunBase(layout, before, from, await read(runBase, runBase.digest)));
  if (packaged !== undefined) {
    onStep(`${image} for ${platform} has the Debian packages of the run base`);
    onStep(await packageChanges(image, layout, packaged.from, packaged.to));
    below = packaged;
  } else if (problems.length > 0 || isSameBase || runBase !== undefined || request.newPackages) {
    if (dockerfile === undefined || count === undefined || !hasSystemStages(dockerfile))
      throw refusal([...problems, 'the image does not say how its Debian packages were installed'].join('; '));
    onStep(`installing the Debian packages of ${image} for ${platform} on the new base`);
    const built = `${layout}-system`;
    const compression = upper.some(({ mediaType }) => mediaType.endsWith('zstd')) ? 'zstd' : 'gzip';
    await rm(built, { recursive: true, force: true });
    const layers = await buildSystemLayers(
      { dockerfile, base, runBase, platform, compression, created, ca: request.ca, folder: built },
      await openEngine(),
      registry,
    );
    await fetchLayers([layers], layout);
    await rm(built, { recursive: true });
    const system = lowestLayers(before, from, count);
    const gateway = before.manifest.layers.slice(count);
    const remaining = await conflictingPaths(layout, gateway, system, layers);
    if (remaining.length > 0) throw refusal(remaining.join('; '));
    onStep(await packageChanges(image, layout, system, layers));
    below = { from: system, to: layers };
  }

  const baseName = taggedName(base);
  const names = { name: baseName, digest: base.digest, runBase: runBase && formatReference(runBase) };
  const result = rebased(before, below.from, below.to, names, created);
  const { manifest, content } = await writeManifest(layout, result, platform);
  const bases = [base, ...(runBase === undefined ? [] : [runBase])];
  const provenance = provenanceOf(
    record,
    name,
    released.index.digest,
    bases,
    result.annotations,
    builderId,
    dockerfile,
  );
  // The packages of the gateway stay as they are.
  const inputs = recorded.get(INPUTS_PREDICATE);
  const statements: readonly Statement[] = [
    statementAbout(manifest, PROVENANCE_PREDICATE, provenance),
    await sbomStatement(layoutContent(layout), platform, manifest, content, result.annotations),
    ...(inputs === undefined ? [] : [statementAbout(manifest, INPUTS_PREDICATE, inputs.predicate)]),
  ];
  const attestation = await writeAttestation(layout, manifest, statements);
  const { annotations } = result;
  return indexPlatformImage(layout, { image, platform, manifest, attestation, annotations });
}

/**
 * The system layers of an image, and the run base that can replace them.
 *
 * @returns undefined if the image has more than the base and one layer of Debian packages below its own, or needs the replaced ones
 */
async function onRunBase(
  layout: string,
  image: ImageParts,
  base: ImageParts,
  runBase: RegistryImage,
): Promise<{ readonly from: ImageParts; readonly to: ImageParts } | undefined> {
  await fetchLayers([runBase], layout);
  const from = lowestLayers(image, base, base.manifest.layers.length + 1);
  const source = layoutContent(layout);
  const { debian } = compareImages(
    await readLayers(source, from.manifest.layers, 'image'),
    await readLayers(source, runBase.manifest.layers, 'run base'),
  );
  // A newer base may have more packages, but the image must not lose one.
  if (debian.removed.length > 0) return undefined;
  const upper = image.manifest.layers.slice(from.manifest.layers.length);
  return (await conflictingPaths(layout, upper, from, runBase)).length > 0 ? undefined : { from, to: runBase };
}

/** The number of layers below those of the gateway, all in a layout; undefined if none is of the gateway. */
async function systemLayerCount(layout: string, image: ImageParts, base: ImageParts): Promise<number | undefined> {
  const source = layoutContent(layout);
  for (const [index, layer] of image.manifest.layers.entries()) {
    if (index < base.manifest.layers.length) continue;
    if (isOfGateway(await mergeLayers(source, [layer], { texts: () => false, fingerprints: false }))) return index;
  }
  return undefined;
}

/** Fetches the layers of images into a layout, each once. */
async function fetchLayers(
  images: readonly Pick<RegistryImage, 'manifest' | 'source'>[],
  layout: string,
): Promise<void> {
  const layers = new Map(
    images.flatMap(({ source, manifest }) => manifest.layers.map((layer) => [layer.digest, { layer, source }])),
  );
  for (const { layer, source } of layers.values()) await fetchBlob(source, layer, layout);
}

/** The reasons why upper layers, all in a layout, depend on paths in which the layers below them differ. */
async function conflictingPaths(
  layout: string,
  upper: readonly Descriptor[],
  from: ImageParts,
  to: ImageParts,
): Promise<readonly string[]> {
  const source = layoutContent(layout);
  const filesOf = async ({ manifest }: ImageParts) =>
    (await mergeLayers(source, manifest.layers, { texts: () => false, fingerprints: true })).files;
  const written = await mergeLayers(source, upper, { texts: () => false, fingerprints: false });
  return rebaseProblems(await filesOf(from), await filesOf(to), written);
}

/** `default: 2 Debian packages change: curl 7.88.1-10 → 7.88.1-11, …` */
async function packageChanges(image: VariantImage, layout: string, from: ImageParts, to: ImageParts): Promise<string> {
  const source = layoutContent(layout);
  const { debian } = compareImages(
    await readLayers(source, from.manifest.layers, image),
    await readLayers(source, to.manifest.layers, image),
  );
  const all = [
    ...debian.changed.map(({ name, before, now }) => `${name} ${before} → ${now}`),
    ...debian.added.map(({ name, now }) => `${name} ${now} is new`),
    ...debian.removed.map(({ name }) => `${name} is gone`),
  ];
  return all.length === 0
    ? `${image}: no Debian package changes`
    : `${image}: ${all.length} Debian ${all.length === 1 ? 'package changes' : 'packages change'}: ${all.join(', ')}`;
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
  bases: readonly RebaseRequest['base'][],
  annotations: Readonly<Record<string, string>>,
  builderId: string,
  dockerfile: string | undefined,
): Provenance => ({
  buildDefinition: {
    buildType: 'https://github.com/openclaw/openclaw-image#rebase',
    externalParameters: { image: `${repository}@${digest}`, request: { args: annotations } },
    // For the next rebase.
    ...(dockerfile === undefined ? {} : { internalParameters: { dockerfile } }),
    resolvedDependencies: [
      { uri: `pkg:docker/${repository}@${record.name}`, digest: { sha256: digest.replace('sha256:', '') } },
      ...bases.map((base) => ({
        uri: `pkg:docker/${formatReference(base)}`,
        digest: { sha256: base.digest.replace('sha256:', '') },
      })),
    ],
  },
  runDetails: { builder: { id: builderId } },
});
