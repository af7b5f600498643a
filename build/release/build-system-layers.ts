import { rm } from 'node:fs/promises';
import { PACKAGES_DATE, PNPM_DOWNLOAD, SYSTEM, WITH_TOOLS } from '../dockerfile/system-stages.ts';
import { build } from '../engine/buildx.ts';
import { type BuildPlan, planKey } from '../image/build-plan.ts';
import { prepareBuild } from '../image/prepared-build.ts';
import type { BuildContext } from '../image/resolve-contexts.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { layoutContent } from '../oci/content.ts';
import { platformOf } from '../oci/descriptor.ts';
import { manifestsOf, parseDocument, parseImageConfig, parseManifest } from '../oci/document.ts';
import type { Platform } from '../oci/platform.ts';
import { type DigestReference, formatReference, taggedName } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import type { Compression } from '../spec/image-spec.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { withBaseLayers } from './base-layers.ts';
import type { RegistryImage } from './registry-image.ts';

/** How the system layers of an image are built. */
export interface SystemLayersRequest {
  /** The Dockerfile that built the image. */
  readonly dockerfile: string;
  readonly base: DigestReference;
  /** The base with Debian's packages: only further ones are installed. */
  readonly runBase: DigestReference | undefined;
  readonly platform: Platform;
  readonly compression: Compression;
  /** ISO 8601. */
  readonly created: string;
  /** Path of a PEM file with extra certificate authorities. */
  readonly ca: string | undefined;
  /** An empty folder for the result: an OCI layout. */
  readonly folder: string;
}

/** Whether a Dockerfile of an earlier release has the tools that the contract requires now. */
export const hasPnpmStage = (dockerfile: string): boolean => dockerfile.includes(` AS ${PNPM_DOWNLOAD.name}\n`);

/** Whether a Dockerfile of an earlier release has the stage and the argument that the system layers need. */
export const hasSystemStages = (dockerfile: string): boolean =>
  dockerfile.includes(` AS ${WITH_TOOLS.name}\n`) && dockerfile.includes(`\nARG ${PACKAGES_DATE}\n`);

/**
 * Builds only what is below the gateway's own layers: Debian packages, in the versions that Debian serves now, and what the image has with
 * them. Takes seconds, and needs nothing of the gateway.
 *
 * @returns the layers, with those of the base
 * @throws WorkError if the build fails
 */
export async function buildSystemLayers(
  { dockerfile, base, runBase, platform, compression, created, ca, folder }: SystemLayersRequest,
  { cli, builder, listener, signal }: BuildContext,
  registry: Registry,
): Promise<RegistryImage> {
  const reference = formatReference(base);
  const date = new Date(created);
  const plan: BuildPlan = {
    spec: {
      ...parseImageSpec({}, {}).spec,
      ...{ tags: [], platforms: [platform], destination: { kind: 'layout', folder, builderId: '' } },
      ...{ compression, ca, sourceDateEpoch: Math.floor(date.getTime() / 1000) },
    },
    base: { kind: 'reference', name: reference, digest: base.digest, from: reference, context: undefined, warning: [] },
    dockerfile,
    target: WITH_TOOLS.name,
    packagesDate: created.slice(0, 10),
    contexts: {
      base: `docker-image://${reference}`,
      ...(runBase === undefined ? {} : { [SYSTEM.name]: `docker-image://${formatReference(runBase)}` }),
    },
    layers: [],
    annotations: {
      [ANNOTATION.baseName]: taggedName(base),
      [ANNOTATION.baseDigest]: base.digest,
    },
    created: date,
    annotationArguments: {},
    key: planKey([dockerfile, WITH_TOOLS.name, base.digest, runBase?.digest, platform, created]),
  };
  const { request } = await prepareBuild(plan, builder);
  const metadataFile = `${request.metadataFile}.system`;
  const { digest = '' } = await build(
    cli,
    { ...request, metadataFile, attestations: [] },
    listener.onProgress,
    signal,
  ).finally(() => rm(metadataFile, { force: true }));
  const source = layoutContent(folder);
  const entries = manifestsOf(parseDocument(await source.document(digest), digest));
  const manifest = entries.find((entry) => platformOf(entry) === platform);
  if (manifest === undefined) throw new Error(`the build of the system layers has no ${platform}`);
  const content = parseManifest(await source.document(manifest.digest), manifest.digest);
  const { content: built } = await withBaseLayers(
    folder,
    { manifest, content },
    platform,
    registry,
    listener.onStep,
    runBase && formatReference(runBase),
  );
  return {
    manifest: built,
    config: parseImageConfig(await source.blob(built.config.digest), built.config.digest),
    source,
  };
}
