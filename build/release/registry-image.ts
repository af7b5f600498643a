import { type ContentSource, registryContent } from '../oci/content.ts';
import { type ImageManifest, isAttestation, platformOf } from '../oci/descriptor.ts';
import { isIndex, parseDocument, parseImageConfig, parseManifest } from '../oci/document.ts';
import type { Platform } from '../oci/platform.ts';
import type { Repository } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import type { ImageParts } from './rebase.ts';

/** One platform of an image in a registry. */
export interface RegistryImage extends ImageParts {
  readonly manifest: ImageManifest;
  readonly source: ContentSource;
}

/**
 * Reads one platform of an image, without its layers.
 *
 * @param digest of an index, or of the manifest of a single platform
 * @returns undefined if the image is not for this platform
 * @throws WorkError if the registry does not have the image, or cannot be read
 */
export async function readRegistryImage(
  registry: Registry,
  repository: Repository,
  digest: string,
  platform: Platform,
): Promise<RegistryImage | undefined> {
  const source = registryContent(registry, repository);
  const bytes = await source.document(digest);
  const document = parseDocument(bytes, atDigest(repository, digest));
  const entry = isIndex(document)
    ? document.manifests.find((image) => !isAttestation(image) && platformOf(image) === platform)
    : undefined;
  if (isIndex(document) && entry === undefined) return undefined;
  const manifest =
    entry === undefined
      ? parseManifest(bytes, digest)
      : parseManifest(await source.document(entry.digest), entry.digest);
  const config = parseImageConfig(await source.blob(manifest.config.digest), manifest.config.digest);
  return `${config.os}/${config.architecture}` === platform ? { manifest, config, source } : undefined;
}
