import { allOrFirstFailure } from '../all-or-first-failure.ts';
import { type ContentSource, readTree } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { Repository } from './reference.ts';
import type { Registry } from './registry.ts';

/** The number that Docker uses. */
const UPLOADS_AT_ONCE = 5;

/**
 * Copies an image and everything it refers to into a repository, by digest. Writes no tag.
 *
 * Skips content that the repository has, so an interrupted copy can be resumed. Sends no blob that the registry can mount.
 * @returns the bytes that were sent: neither the repository nor another one of its registry had them
 * @throws WorkError if the repository cannot be written
 */
export async function copyContent(
  source: ContentSource,
  root: Descriptor,
  registry: Registry,
  repository: Repository,
): Promise<number> {
  const { documents, blobs } = await readTree(source, root);
  let bytes = 0;
  const { repository: from } = source;
  const mount = async (blob: Descriptor): Promise<boolean> =>
    from !== undefined &&
    from.registry === repository.registry &&
    from.repository !== repository.repository &&
    (await registry.hasBlob(from, blob)) &&
    registry.mountBlob(repository, blob, from);
  // Largest first, so that the last upload to end is a small one.
  const waiting = [...blobs].sort((a, b) => b.size - a.size).values();
  const work = async (): Promise<void> => {
    for (const blob of waiting) {
      if ((await registry.hasBlob(repository, blob)) || (await mount(blob))) continue;
      await registry.putBlob(repository, blob, () => source.open(blob.digest));
      bytes += blob.size;
    }
  };
  await allOrFirstFailure(Array.from({ length: UPLOADS_AT_ONCE }, work));
  for (const document of documents) await registry.putDocument(repository, document.descriptor.digest, document);
  return bytes;
}
