import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readStatements, writeAttestation } from '../attest/attestation.ts';
import { withoutProxies } from '../attest/provenance.ts';
import { sbomStatement } from '../attest/sbom-statement.ts';
import { type GatewayBuildPlan, planBuild } from '../image/build-plan.ts';
import { type BuildContext, resolveContexts } from '../image/resolve-contexts.ts';
import type { ResolvedInputs } from '../image/resolve-inputs.ts';
import { runBuild } from '../image/run-build.ts';
import { EXPIRES_ANNOTATION } from '../oci/annotations.ts';
import { layoutContent } from '../oci/content.ts';
import { isAttestation, platformOf } from '../oci/descriptor.ts';
import { parseIndex, parseManifest } from '../oci/document.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import type { Registry } from '../oci/registry.ts';
import { type FailureKind, WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { VariantImage } from '../spec/variant.ts';
import { withBaseLayers } from './base-layers.ts';
import {
  type BuildCache,
  cacheExport,
  cacheImport,
  exportFolder,
  findCache,
  type TrustedCache,
  withCache,
} from './build-cache.ts';
import { type ImageSource, imageFolder, indexPlatformImage, type PlatformImage } from './platform-image.ts';
import { inputsStatement } from './recorded-inputs.ts';
import { entriesOf, type ResolvedRelease } from './resolve-release.ts';

/** The engine, the folder and the identity for the builds of a release. */
export interface ReleaseBuildContext extends BuildContext {
  /** Folder for the images, one layout each. */
  readonly folder: string;
  /** The builder that the provenance names: the URL of a workflow run, or a URN for a local build. */
  readonly builderId: string;
  /** Reads the registries of the base and the cache. */
  readonly registry: Registry;
  /** undefined: build without a cache in a registry. */
  readonly cache: BuildCache | undefined;
}

/** Builds the images of a release on this host. @param openContext called when a build is needed: it may start an engine */
export const builtImages = (
  resolved: ResolvedRelease,
  openContext: () => Promise<ReleaseBuildContext>,
): ImageSource => ({ build: async (platform) => buildPlatform(resolved, platform, await openContext()) });

/**
 * Builds the images of a release for one platform, with provenance and SBOM. Pushes nothing. If the build fails with a cache, it is
 * repeated without: the cache may lack layers, which BuildKit fetches when it needs them.
 *
 * @throws WorkError if the base is a bootstrapped one, or if the build fails
 */
async function buildPlatform(
  resolved: ResolvedRelease,
  platform: Platform,
  context: ReleaseBuildContext,
): Promise<readonly PlatformImage[]> {
  const used: TrustedCache[] = [];
  try {
    return await buildWithCache(resolved, platform, context, (cache) => used.push(cache));
  } catch (error) {
    if (used.length === 0 || context.signal?.aborted === true || !isCacheFailure(error)) throw error;
    context.listener.onStep(`building again without the build cache: ${error.failure.reason}`);
    return buildWithCache(resolved, platform, { ...context, cache: undefined }, () => undefined);
  }
}

/** Failures that have nothing to do with a cache. */
const FAILS_AGAIN: readonly FailureKind[] = [
  'bootstrapped-base',
  'disk-full',
  'no-emulation',
  'out-of-memory',
  'unlocked-install',
];

/** A script that failed would fail again. Without a layer of the cache, no script runs. */
const isCacheFailure = (error: unknown): error is WorkError =>
  error instanceof WorkError &&
  !FAILS_AGAIN.includes(error.failure.kind) &&
  !error.failure.reason.includes('did not complete successfully');

/** @param onCache called with each cache that the build uses */
async function buildWithCache(
  { specs, inputs, packagesDate, expires, epoch }: ResolvedRelease,
  platform: Platform,
  context: ReleaseBuildContext,
  onCache: (cache: TrustedCache) => void,
): Promise<readonly PlatformImage[]> {
  const { folder, builderId, listener, cache, registry } = context;
  await mkdir(folder, { recursive: true });
  const plans: Record<string, GatewayBuildPlan> = {};
  const started: Partial<Record<VariantImage, StartedImage>> = {};
  for (const [image, spec] of entriesOf(specs)) {
    const resolved = inputs[image];
    if (resolved === undefined) continue;
    const layout = imageFolder(folder, { image, platform });
    await rm(layout, { recursive: true, force: true });
    const destination = { kind: 'layout', folder: layout, builderId } as const;
    const cached = cache && (await findCache(cache, image, platform, registry, listener.onStep));
    if (cached !== undefined) onCache(cached);
    const cacheFrom = [...spec.cacheFrom, ...(cached === undefined ? [] : [cacheImport(cached)])];
    // BuildKit adds to a folder that exists, and removes nothing.
    await rm(exportFolder(folder, image, platform), { recursive: true, force: true });
    const cacheTo = [...spec.cacheTo, ...(cache?.isWritten === true ? [cacheExport(folder, image, platform)] : [])];
    const released = { ...spec, platforms: [platform], destination, sourceDateEpoch: epoch, cacheFrom, cacheTo };
    const contexts = await resolveContexts(released, resolved, context);
    if (contexts.base.kind === 'bootstrap') throw bootstrappedBase();
    started[image] = { spec, inputs: resolved, cache: cached, runBase: contexts.base.runBase };
    const plan = planBuild(released, resolved, contexts);
    plans[image] = {
      ...plan,
      packagesDate,
      annotations: { ...plan.annotations, ...(expires === undefined ? {} : { [EXPIRES_ANNOTATION]: expires }) },
    };
  }
  listener.onStep(`building ${Object.keys(plans).join(', ')} for ${platform}`);
  const file = join(folder, `docker-bake-${ARCHITECTURE_NAMES[platform].debian}.json`);
  const built = await runBuild(plans, context, file).finally(() => rm(file, { force: true }));
  return Promise.all(
    (Object.entries(built) as [VariantImage, { readonly digest: string | undefined }][]).map(([image, { digest }]) =>
      finishImage(image, platform, digest ?? '', started[image], context),
    ),
  );
}

export const bootstrappedBase = (): WorkError =>
  new WorkError({
    kind: 'bootstrapped-base',
    title: 'A release needs a base from a registry',
    reason: 'The base was made on this host, so other people cannot check it.',
    hint: 'name a base in a registry: --base node:24-bookworm-slim',
  });

/** The inputs of an image. */
interface StartedImage {
  /** The run base that it is built on. */
  readonly runBase: string | undefined;
  readonly spec: ImageSpec;
  readonly inputs: ResolvedInputs;
  readonly cache: TrustedCache | undefined;
}

/**
 * Adds provenance, SBOM and inputs to a built image.
 *
 * @param digest of the index in its layout folder
 * @param from undefined for a run base
 */
export async function finishImage(
  image: VariantImage,
  platform: Platform,
  digest: string,
  from: StartedImage | undefined,
  { folder, listener, registry }: ReleaseBuildContext,
): Promise<PlatformImage> {
  const layout = imageFolder(folder, { image, platform });
  const source = layoutContent(layout);
  const { manifests } = parseIndex(await source.document(digest), digest);
  const built = manifests.find((entry) => !isAttestation(entry) && platformOf(entry) === platform);
  if (built === undefined) throw new Error(`the build of ${image} has no ${platform}`);
  const { manifest, content } = await withBaseLayers(
    layout,
    { manifest: built, content: parseManifest(await source.document(built.digest), built.digest) },
    platform,
    registry,
    listener.onStep,
    from?.runBase,
  );
  const { annotations = {} } = content;
  listener.onStep(`listing the packages in ${image} for ${platform}`);
  const sbom = await sbomStatement(source, platform, manifest, content, annotations);
  const attested = await Promise.all(manifests.filter(isAttestation).map((entry) => readStatements(source, entry)));
  const provenance = attested
    .flatMap((statements) => [...statements.values()])
    .map((statement) => withCache(withoutProxies(statement), from?.cache, from?.spec.cacheFrom));
  // BuildKit names the subject by its tag, and this build has none.
  const inputs = from === undefined ? [] : [await inputsStatement(manifest, from.spec, from.inputs)];
  const statements = [...provenance, sbom, ...inputs].map((statement) => ({ ...statement, subject: sbom.subject }));
  const attestation = await writeAttestation(layout, manifest, statements);
  return indexPlatformImage(layout, { image, platform, manifest, attestation, annotations });
}
