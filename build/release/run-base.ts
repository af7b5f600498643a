import { baseOf, runBaseName } from '../base/base-labels.ts';
import { readPin } from '../base/pin.ts';
import type { Platform } from '../oci/platform.ts';
import { formatReference, type Reference, repositoryOf } from '../oci/reference.ts';
import { atDigest, missingImage, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { PerImage } from '../spec/variant.ts';
import { readRegistryImage } from './registry-image.ts';
import { entriesOf } from './resolve-release.ts';
import { type SignatureCheck, trustedRecord } from './trusted-record.ts';

type ByDigest = Reference & { readonly digest: string };

/** A run base in a registry. */
export interface RunBase {
  readonly image: ByDigest;
  /** The base that it is built on. */
  readonly base: ByDigest;
}

/**
 * Reads a base that may be a run base. Everything in a run base comes into the images that are built on it, so it counts only like a
 * release: if its record is trusted, and names it.
 *
 * @param image in a registry
 * @returns undefined for any other image
 * @throws WorkError for a run base that is not trusted
 */
export async function readRunBase(
  registry: Registry,
  image: ByDigest,
  platform: Platform,
  check: SignatureCheck | undefined,
): Promise<RunBase | undefined> {
  const read = await readRegistryImage(registry, image, image.digest, platform);
  const labels = read?.config.config?.Labels ?? {};
  const [name, base] = [runBaseName(labels), baseOf(labels)];
  if (name === undefined || base === undefined) return undefined;
  const record = (await trustedRecord(registry, repositoryOf(image), name, check))?.record;
  const { index, platforms = {} } = record?.images.default ?? {};
  const digests = [index, ...Object.values(platforms)].map((descriptor) => descriptor?.digest);
  if (digests.includes(image.digest)) return { image, base };
  throw new WorkError({
    kind: 'untrusted-record',
    title: 'This run base is not that of its record',
    reason: `${atDigest(image, image.digest)} says that it is ${name}, but ${record === undefined ? 'there is no such record' : 'the record names another image'} in ${repositoryOf(image)}.`,
    hint: 'publish a run base: scripts/run release publish --ref base/24; or name the base itself: --base node:24-bookworm-slim',
  });
}

/**
 * The digest of the base that the images are built on; with a run base that of its own base.
 *
 * @param check whose signatures make a run base count
 * @throws WorkError if the registry does not have the base, or if it is a run base that is not trusted
 */
export async function baseDigest(
  specs: PerImage<ImageSpec>,
  registry: Registry,
  [platform]: readonly Platform[],
  check: SignatureCheck | undefined,
): Promise<string> {
  const [first] = entriesOf(specs);
  const base = first?.[1].base;
  if (base?.kind !== 'reference') return readPin().reference.digest;
  const { reference } = base;
  const document = await registry.document(reference, reference.digest ?? reference.tag ?? 'latest');
  if (document === undefined) throw missingImage(formatReference(reference));
  const { digest } = document.descriptor;
  const runBase = platform && (await readRunBase(registry, { ...reference, digest }, platform, check));
  return runBase?.base.digest ?? digest;
}
