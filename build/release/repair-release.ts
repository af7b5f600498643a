import { registryContent } from '../oci/content.ts';
import { copyContent } from '../oci/copy-content.ts';
import type { StoredDocument } from '../oci/descriptor.ts';
import { parseReference, type Repository, repositoryOf } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { readPublishedImage } from './published-checks.ts';
import { guardedRegistry, takeLock } from './release-lock.ts';
import type { ReleaseRecord } from './release-record.ts';
import { isDrift, releaseStatus, restrictedTo, type TagStatus } from './release-status.ts';
import type { SignatureCheck } from './trusted-record.ts';

/**
 * Restores every tag to its record, from any of these registries that still has the image. Builds nothing.
 *
 * @param registries to read and to write; the record may name others, which are left alone
 * @param check whose signatures make a decision about a channel count
 * @returns the tags that were restored
 * @throws WorkError if no registry has an image any more
 */
export async function repairRelease(
  recorded: ReleaseRecord,
  registries: readonly string[],
  registry: Registry,
  check: SignatureCheck | undefined,
  onStep: (step: string) => void,
): Promise<readonly TagStatus[]> {
  const record = restrictedTo(recorded, registries);
  const lock = await takeLock(
    registry,
    record.registries.map((name) => parseReference(name)),
    { minutes: 0, onWait: () => {} },
  );
  try {
    const writes = guardedRegistry(registry, lock);
    const drift = (await releaseStatus(record, registry, check)).filter(isDrift);
    // Versions first, in the order in which they were written.
    for (const { registry: name, tag, digest } of drift) {
      onStep(`repairing ${name}:${tag}`);
      const { from, index } = await findWhole(record, registry, digest);
      const repository = parseReference(name);
      await copyContent(registryContent(registry, from), index.descriptor, writes, repository);
      await writes.putDocument(repository, tag, index);
    }
    const remaining = (await releaseStatus(record, registry, check)).filter(isDrift);
    if (remaining.length === 0) return drift;
    throw new WorkError({
      kind: 'drift',
      title: 'Another process writes these tags',
      reason: remaining.map(({ registry: name, tag, why }) => `${name}:${tag} ${why}`).join('; '),
      hint: 'find and stop that process, then run this command again',
    });
  } finally {
    await lock.release();
  }
}

/** Finds a registry that has an image with all its parts. */
async function findWhole(
  record: ReleaseRecord,
  registry: Registry,
  digest: string,
): Promise<{ readonly from: Repository; readonly index: StoredDocument }> {
  for (const name of record.registries) {
    const from = parseReference(name);
    const index = await registry.document(from, digest);
    const image =
      index === undefined ? undefined : await readPublishedImage(registry, from, digest).catch(() => undefined);
    if (index !== undefined && image?.platforms.every(({ missing }) => missing.length === 0) === true)
      return { from, index };
  }
  throw new WorkError({
    kind: 'not-found',
    title: 'A released image is lost',
    reason: `No registry (${record.registries.map((name) => repositoryOf(parseReference(name))).join(', ')}) has all parts of ${digest}, which belongs to ${record.name}.`,
    hint: 'publish a correction: a lost image cannot be rebuilt under the same version',
  });
}
