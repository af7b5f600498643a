import { baseOf } from '../base/base-labels.ts';
import type { UpdateRequest } from '../image/debian-updates.ts';
import { invalidContent } from '../oci/document.ts';
import { formatReference, parseReference } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';
import { readRegistryImage } from './registry-image.ts';
import type { ReleaseRecord } from './release-record.ts';

/**
 * The requests to apt about a release: one for each of its images, of its first platform. Another platform has the same versions.
 *
 * @param registries that may be read
 * @throws WorkError if the labels of an image do not name its base
 */
export async function updateRequests(
  record: ReleaseRecord,
  registries: readonly string[],
  registry: Registry,
): Promise<readonly UpdateRequest[]> {
  const [repository = ''] = registries.filter((name) => record.registries.includes(name));
  const [platform] = record.platforms;
  if (platform === undefined) throw new Error(`the record of ${record.name} has no platform`);
  const at = parseReference(repository);
  return Promise.all(
    Object.values(record.images).map(async ({ index: { digest } }) => {
      const image = atDigest(at, digest);
      const read = await readRegistryImage(registry, at, digest, platform);
      const base = baseOf(read?.config.config?.Labels ?? {});
      if (base === undefined) throw invalidContent(image, 'its labels do not name its base by digest');
      return { image, base: formatReference(base), platform };
    }),
  );
}
