import { baseOf, parseRunBaseName, runBaseName } from '../base/base-labels.ts';
import { readPin } from '../base/pin.ts';
import type { Platform } from '../oci/platform.ts';
import { type DigestReference, formatReference, type Reference, repositoryOf } from '../oci/reference.ts';
import { atDigest, missingImage, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { PerImage } from '../spec/variant.ts';
import { withoutArchitecture } from './plan-release.ts';
import { readRegistryImage } from './registry-image.ts';
import { entriesOf } from './resolve-release.ts';
import { type SignatureCheck, trustedRecord } from './trusted-record.ts';

/** A run base in a registry, which is trusted. */
export interface RunBase {
  readonly image: DigestReference;
  /** The base that it is built on. */
  readonly base: DigestReference;
}

/**
 * Reads an image that may be a run base. Everything in a run base comes into the images that are built on it, so it is trusted under the
 * same rule as a release: its record is signed, or this host wrote it. An image with the tag or the label of a run base must be one.
 *
 * @param image in a registry
 * @param platforms that it must have, if it is a run base
 * @returns undefined for any other image
 * @throws WorkError for a run base that is not trusted, or lacks a platform
 */
export async function readRunBase(
  registry: Registry,
  image: DigestReference,
  platforms: readonly Platform[],
  check: SignatureCheck | undefined,
): Promise<RunBase | undefined> {
  const found = await Promise.all(
    platforms.map((platform) => readRegistryImage(registry, image, image.digest, platform)),
  );
  const labels = found.flatMap((of) => (of === undefined ? [] : [of.config.config?.Labels ?? {}]));
  const name = nameInTag(image) ?? labels.flatMap((of) => runBaseName(of) ?? [])[0];
  if (name === undefined) return undefined;
  const missing = platforms.filter((_, index) => found[index] === undefined);
  if (missing.length > 0)
    throw new WorkError({
      kind: 'no-such-platform',
      title: 'The run base lacks a platform',
      reason: `${atDigest(image, image.digest)} has no image for ${missing.join(', ')}.`,
      hint: `publish a run base of another day for all platforms (--date), or leave them out: --platforms`,
    });
  const bases = labels.map(baseOf);
  const [base] = bases;
  const record = (await trustedRecord(registry, repositoryOf(image), name, check))?.record;
  const { index, platforms: single = {} } = record?.images.default ?? {};
  const recorded = [index, ...Object.values(single)].map((descriptor) => descriptor?.digest);
  const isSame = bases.every((of) => of?.digest === base?.digest) && labels.every((of) => runBaseName(of) === name);
  if (base !== undefined && isSame && recorded.includes(image.digest)) return { image, base };
  throw new WorkError({
    kind: 'untrusted-record',
    title: 'The record does not name this run base',
    reason: `${atDigest(image, image.digest)} has the name ${name}, but ${record === undefined ? `${repositoryOf(image)} has no record of it` : 'its record names another image'}.`,
    hint: 'publish a run base: scripts/run release publish --ref base/24; or name the base itself: --base node:24-bookworm-slim',
  });
}

/** The name of the run base that a tag claims: `base-24-20260401` or `base-24-20260401-arm64`. */
function nameInTag({ tag = '' }: Pick<Reference, 'tag'>): string | undefined {
  const name = withoutArchitecture(tag);
  return parseRunBaseName(name) === undefined ? undefined : name;
}

/** The base of a release. */
export interface ReleaseBase {
  /** Digest of the base that the annotations name; undefined if only the engine can read it. */
  readonly digest: string | undefined;
  /** The specs, with the run base in place of its name. */
  readonly specs: PerImage<ImageSpec>;
}

/**
 * Resolves the base of a release once, before anything is built: what is checked is what is built on.
 *
 * @param check whose signatures make a run base trusted
 * @throws WorkError if the registry does not have the base, or if it is a run base that is not trusted
 */
export async function resolveReleaseBase(
  specs: PerImage<ImageSpec>,
  registry: Registry,
  platforms: readonly Platform[],
  check: SignatureCheck | undefined,
): Promise<ReleaseBase> {
  const [first] = entriesOf(specs);
  const base = first?.[1].base;
  if (base?.kind !== 'reference') return { digest: readPin().reference.digest, specs };
  const { reference } = base;
  try {
    const document = await registry.document(reference, reference.digest ?? reference.tag ?? 'latest');
    if (document === undefined) throw missingImage(formatReference(reference));
    const { digest } = document.descriptor;
    const runBase = await readRunBase(registry, { ...reference, digest }, platforms, check);
    if (runBase === undefined) return { digest, specs };
    const chosen = { kind: 'run-base', ...runBase } as const;
    const resolved = entriesOf(specs).map(([image, spec]) => [image, { ...spec, base: chosen }] as const);
    return { digest: runBase.base.digest, specs: Object.fromEntries(resolved) };
  } catch (error) {
    // The engine may reach the base by a mirror. It never takes it for a run base.
    const isUnreachable = error instanceof WorkError && error.failure.kind === 'registry-unreachable';
    if (!isUnreachable || nameInTag(reference) !== undefined) throw error;
    return { digest: reference.digest, specs };
  }
}
