import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Statement } from '../attest/attestation.ts';
import type { Provenance } from '../attest/provenance.ts';
import type { Signer } from '../attest/signature.ts';
import { layoutContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import { invalidContent, parseIndex, parseManifest } from '../oci/document.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { VARIANT_IMAGES, type VariantImage } from '../spec/variant.ts';
import { rememberWritten } from './own-digests.ts';
import type { Release } from './release.ts';
import { isTrustedDigest, type SignatureCheck } from './trusted-record.ts';

/**
 * A repository with caches of BuildKit: one tag for each image and platform. Builds of `main` write them, and all releases read them.
 * Source: https://docs.docker.com/build/cache/backends/registry/
 */
export interface BuildCache {
  /** `ghcr.io/openclaw/openclaw-cache`. */
  readonly repository: string;
  /** Whose signatures count. A cache without one is not read: its contents would be in the image. */
  readonly check: SignatureCheck | undefined;
  /** Whether the build exports its cache, for `pushCaches`. */
  readonly isWritten: boolean;
}

/** A cache that may be read. */
export interface TrustedCache {
  /** `ghcr.io/openclaw/openclaw-cache:default-amd64`. */
  readonly name: string;
  readonly digest: string;
}

const cacheTag = (image: VariantImage, platform: Platform): string => `${image}-${ARCHITECTURE_NAMES[platform].debian}`;

/** Folder for an exported cache, beside the images of a release. */
export const exportFolder = (folder: string, image: VariantImage, platform: Platform): string =>
  join(folder, `cache-${cacheTag(image, platform)}`);

/** The `--cache-to` of a build: all stages, as an image manifest, which every registry stores. @param folder of the release */
export const cacheExport = (folder: string, image: VariantImage, platform: Platform): string =>
  `type=local,dest=${exportFolder(folder, image, platform)},mode=max,image-manifest=true,oci-mediatypes=true`;

/** The `--cache-from` of a build. By digest: a tag could be replaced after the check. */
export const cacheImport = ({ name, digest }: TrustedCache): string =>
  `type=registry,ref=${name.slice(0, name.lastIndexOf(':'))}@${digest}`;

/**
 * Finds the cache of an image. A cache only saves time, so nothing about it fails a build.
 *
 * @returns undefined without a cache, or if it is not trusted
 */
export async function findCache(
  { repository, check }: Pick<BuildCache, 'repository' | 'check'>,
  image: VariantImage,
  platform: Platform,
  registry: Registry,
  onStep: (step: string) => void,
): Promise<TrustedCache | undefined> {
  const tag = cacheTag(image, platform);
  const name = `${repository}:${tag}`;
  const at = parseReference(repository);
  try {
    const digest = (await registry.document(at, tag))?.descriptor.digest;
    if (digest !== undefined && (await isTrustedDigest(at, digest, check))) return { name, digest };
    const reason = digest === undefined ? 'does not exist yet' : 'has no signature of the identity that signs releases';
    onStep(`building without a cache: ${name} ${reason}`);
  } catch (error) {
    if (!(error instanceof WorkError)) throw error;
    onStep(`building without a cache: ${error.failure.reason}`);
  }
  return undefined;
}

/**
 * Pushes the caches that a build of `main` exported, and signs them. A failure is reported as a step only: the release is published.
 *
 * @param folder with the images of the release
 * @param released repository that has these images, and so most layers of the caches
 */
export async function pushCaches(
  folder: string,
  repository: string,
  { platforms, registries: [released = repository] }: Pick<Release, 'platforms' | 'registries'>,
  {
    registry,
    signer,
    onStep,
  }: { readonly registry: Registry; readonly signer: Signer | undefined; readonly onStep: (step: string) => void },
): Promise<void> {
  const at = parseReference(repository);
  const all = platforms.flatMap((platform) => IMAGES.map((image) => [image, platform] as const));
  for (const [image, platform] of all) {
    const tag = cacheTag(image, platform);
    const layout = exportFolder(folder, image, platform);
    const file = join(layout, 'index.json');
    if (!existsSync(file)) continue;
    try {
      onStep(`pushing the build cache ${repository}:${tag}`);
      const [root] = parseIndex(await readFile(file), file).manifests;
      if (root === undefined) continue;
      // A registry then copies layers by itself.
      const source = { ...layoutContent(layout), repository: parseReference(released) };
      requireCache(await source.document(root.digest), root.digest);
      await copyContent(source, root, registry, at);
      await rememberWritten(at, [root.digest]);
      await signer?.sign(registry, [at], root);
      await registry.putDocument(at, tag, { descriptor: root, bytes: await source.document(root.digest) });
    } catch (error) {
      if (!(error instanceof WorkError)) throw error;
      onStep(`the build cache was not pushed: ${error.failure.reason}`);
    }
  }
}

/** The type of a cache's config. Source: BuildKit, cache/remotecache/v1/spec.go */
const CACHE_CONFIG = 'application/vnd.buildkit.cacheconfig.v0';

/**
 * The job that signs gets a cache from the job that builds. A release record or an image in its place would count as signed.
 *
 * @throws WorkError if the document is something else than a build cache
 */
export function requireCache(bytes: Buffer, digest: string): void {
  const { config, artifactType, subject } = parseManifest(bytes, digest);
  if (config.mediaType === CACHE_CONFIG && artifactType === undefined && subject === undefined) return;
  throw invalidContent(digest, `it is not a build cache: its config has the type ${config.mediaType}`);
}

const IMAGES = [...new Set(Object.values(VARIANT_IMAGES))];

/**
 * Adds the caches to a provenance: what was in them may be in the image.
 *
 * Source: https://slsa.dev/spec/v1.0/provenance, resolvedDependencies
 * @param others values of --cache-from, whose contents were not verified: `type=registry,ref=…`. Only keys that name the cache are added,
 *   because the others may be secret
 */
export function withCache(
  statement: Statement,
  cache: TrustedCache | undefined,
  others: readonly string[] = [],
): Statement {
  if (cache === undefined && others.length === 0) return statement;
  const predicate = statement.predicate as Provenance;
  const { buildDefinition = {} } = predicate;
  const { resolvedDependencies = [] } = buildDefinition;
  const verified = [cache].flatMap((used) => {
    const [repository = '', tag = ''] = used?.name.split(/:(?=[^:/]+$)/) ?? [];
    const digest = { sha256: used?.digest.replace('sha256:', '') ?? '' };
    return used === undefined ? [] : [{ name: 'build cache', uri: `pkg:docker/${repository}@${tag}`, digest }];
  });
  const isPublic = (pair: string): boolean => /^(?:type|ref|src|bucket|name|scope)=/.test(pair) || !pair.includes('=');
  const shown = others.map((value) => value.split(',').filter(isPublic).join(','));
  const unverified = shown.map((value) => ({
    name: 'unverified build cache',
    uri: `buildkit-cache:${encodeURI(value)}`,
  }));
  return {
    ...statement,
    predicate: {
      ...predicate,
      buildDefinition: {
        ...buildDefinition,
        resolvedDependencies: [...resolvedDependencies, ...verified, ...unverified],
      },
    },
  };
}
