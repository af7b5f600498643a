import type { UpdateRequest } from '../image/debian-updates.ts';
import { invalidContent } from '../oci/document.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { baseOf, readRegistryImage } from './registry-image.ts';
import type { ReleaseRecord } from './release-record.ts';

/**
 * The question to Debian about a release: about its default image, else its first one.
 *
 * @param registries that may be read
 * @throws WorkError if the labels of the image do not name its base
 */
export async function updateRequest(
  record: ReleaseRecord,
  registries: readonly string[],
  registry: Registry,
): Promise<UpdateRequest> {
  const [repository = ''] = registries.filter((name) => record.registries.includes(name));
  const released = record.images.default ?? Object.values(record.images)[0];
  const [platform] = record.platforms;
  if (released === undefined || platform === undefined) throw new Error(`the record of ${record.name} has no image`);
  const at = parseReference(repository);
  const image = atDigest(at, released.index.digest);
  const read = await readRegistryImage(registry, at, released.index.digest, platform);
  const base = baseOf(read?.config.config?.Labels ?? {});
  if (base === undefined) throw invalidContent(image, 'its labels do not name its base by digest');
  return { image, base: formatReference(base), platform };
}
