import { parseReference, type Repository } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { wasWrittenHere } from './own-digests.ts';
import { clearRecordHint, readRecord, type StoredRecord } from './release-record.ts';

/** Says whether a digest has a valid signature of the identity that signs releases. */
export type SignatureCheck = (repository: Repository, digest: string) => Promise<boolean>;

/**
 * Reads a record, and checks who wrote it. Everybody who can push to the registry can write a record. One counts if the identity
 * that signs releases signed it, or, without a signature, if a release of this host wrote it.
 *
 * @param check undefined: only records of this host count
 * @returns undefined without a record
 * @throws WorkError if the record is not valid or not trusted
 */
export async function trustedRecord(
  registry: Registry,
  repository: string,
  name: string,
  check: SignatureCheck | undefined,
): Promise<StoredRecord | undefined> {
  const stored = await readRecord(registry, repository, name);
  if (stored === undefined) return undefined;
  await assertTrusted(stored, check);
  return stored;
}

/** @throws WorkError if the record is not trusted */
export async function assertTrusted(
  { record, descriptor, repository }: StoredRecord,
  check: SignatureCheck | undefined,
): Promise<void> {
  if (await isTrustedDigest(parseReference(repository), descriptor.digest, check)) return;
  throw new WorkError({
    kind: 'untrusted-record',
    title: 'The record of this release is not trusted',
    reason: `${repository}:release-${record.name} (${descriptor.digest}) has no signature of the identity that signs releases, and no release of this host wrote it.`,
    hint: `give the public key with --key if a key signed it, or publish with the same --sign; else ${clearRecordHint(record.name, repository)}`,
  });
}

/** Whether this host wrote a digest, or the identity that signs releases signed it. */
export const isTrustedDigest = async (
  repository: Repository,
  digest: string,
  check: SignatureCheck | undefined,
): Promise<boolean> => (await wasWrittenHere(repository, digest)) || (await check?.(repository, digest)) === true;
