import { settle } from '../settle.ts';
import { type ContentSource, readTree } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { Repository } from './reference.ts';
import type { Registry } from './registry.ts';

/** As Docker does. */
const UPLOADS_AT_ONCE = 5;

export interface Copied {
  readonly blobs: number;
  /** Bytes that the repository did not have. */
  readonly bytes: number;
}

/**
 * Brings an image, and everything that it names, into a repository, by digest: no tag is written.
 *
 * What is there already is left alone, so that a copy that broke off goes on where it was.
 * @throws WorkError where the repository cannot be written to
 */
export async function copyContent(
  source: ContentSource,
  root: Descriptor,
  registry: Registry,
  repository: Repository,
): Promise<Copied> {
  const { documents, blobs } = await readTree(source, root);
  let bytes = 0;
  let copied = 0;
  // Largest first: the last one to end began early.
  const waiting = [...blobs].sort((one, other) => other.size - one.size).values();
  const work = async (): Promise<void> => {
    for (const blob of waiting) {
      if (await registry.hasBlob(repository, blob)) continue;
      await registry.putBlob(repository, blob, () => source.open(blob.digest));
      bytes += blob.size;
      copied += 1;
    }
  };
  await settle(Array.from({ length: UPLOADS_AT_ONCE }, work));
  for (const document of documents) await registry.putDocument(repository, document.descriptor.digest, document);
  return { blobs: copied, bytes };
}
