import { readFile } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import { registryContent } from '../oci/content.ts';
import { isAttestation, platformOf } from '../oci/descriptor.ts';
import { isIndex, parseImageConfig, parseManifest, variableOf } from '../oci/document.ts';
import { formatReference, type Reference } from '../oci/reference.ts';
import { missingImage, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { parsePin } from './pin.ts';

/** A base image in a registry. */
export interface BaseImage {
  readonly digest: string;
  /** Undefined for a base without Node. */
  readonly nodeVersion: string | undefined;
  /** ISO 8601. */
  readonly created: string | undefined;
}

/** A pinned base, and the current image of its tag. */
export interface PinStatus {
  readonly file: string;
  /** `docker.io/library/node:24-bookworm-slim`. */
  readonly name: string;
  readonly pinned: BaseImage;
  readonly newest: BaseImage;
}

/**
 * Compares a pinned base with its registry.
 *
 * @param file a Dockerfile with one FROM, pinned by digest
 * @throws WorkError if the registry cannot be read
 */
export async function pinStatus(file: string, registry: Registry): Promise<PinStatus> {
  const { reference } = parsePin(await readFile(file, 'utf8'), file);
  const { digest, ...tagged } = reference;
  const newest = await readBaseImage({ ...tagged, digest: undefined }, registry);
  // Some registries delete old images, so the pinned one may be gone.
  const pinned =
    digest === newest.digest ? newest : await readBaseImage(reference, registry).catch(() => unknown(digest));
  return { file, name: formatReference({ ...tagged, digest: undefined }), pinned, newest };
}

/** The age of the pinned base, compared with the base of an image. `unknown`: another one, of the same time, or one of them could not be read. */
export type PinAge = 'same' | 'newer' | 'older' | 'unknown';

/**
 * Compares the pinned base with the one of an image. A rebase can name a base that is newer than the pin.
 *
 * @param pin the pinned base
 * @param digest of the image's base, in the same repository
 */
export async function comparePin(pin: Reference, digest: string, registry: Registry): Promise<PinAge> {
  if (pin.digest === digest) return 'same';
  const [pinned, used] = await Promise.all(
    [pin, { ...pin, digest }].map((reference) => readBaseImage(reference, registry).catch(ignoreFailure)),
  );
  const difference = Date.parse(pinned?.created ?? '') - Date.parse(used?.created ?? '');
  if (difference > 0) return 'newer';
  // Official images of several builds may have one time, that of their sources.
  return difference < 0 ? 'older' : 'unknown';
}

function ignoreFailure(error: unknown): undefined {
  if (!(error instanceof WorkError)) throw error;
}

const unknown = (digest: string): BaseImage => ({ digest, nodeVersion: undefined, created: undefined });

/** Pins the current digest of the tag. @returns whether the file changed */
export async function updatePin({ file, pinned, newest }: PinStatus): Promise<boolean> {
  if (pinned.digest === newest.digest) return false;
  const text = await readFile(file, 'utf8');
  await writeFileAtomic(file, text.replaceAll(pinned.digest, newest.digest));
  return true;
}

async function readBaseImage(reference: Reference, registry: Registry): Promise<BaseImage> {
  const document = await registry.document(reference, reference.digest ?? reference.tag ?? 'latest');
  if (document === undefined) throw missingImage(formatReference(reference));
  const source = registryContent(registry, reference);
  const { content } = document;
  const images = isIndex(content) ? content.manifests.filter((entry) => !isAttestation(entry)) : [];
  const image = images.find((entry) => platformOf(entry) === 'linux/amd64') ?? images[0];
  const bytes = image === undefined ? document.bytes : await source.document(image.digest);
  const { config } = parseManifest(bytes, formatReference(reference));
  const parsed = parseImageConfig(await source.blob(config.digest), config.digest);
  return {
    digest: document.descriptor.digest,
    nodeVersion: variableOf(parsed, 'NODE_VERSION'),
    created: parsed.created,
  };
}
