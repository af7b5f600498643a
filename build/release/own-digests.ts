import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import type { Repository } from '../oci/reference.ts';
import { atDigest } from '../oci/registry.ts';
import { stateFolder } from '../state-folder.ts';

/** One file for each digest, so that releases at the same time cannot lose each other's entries. */
const fileOf = (repository: Repository, digest: string): string =>
  stateFolder('written', createHash('sha256').update(atDigest(repository, digest)).digest('hex'));

/**
 * Remembers the digests that this host is about to write to a registry: the proof for records without a signature. Called before the
 * write, so that a kill between them loses nothing.
 */
export async function rememberWritten(repository: Repository, digests: readonly string[]): Promise<void> {
  await mkdir(stateFolder('written'), { recursive: true, mode: 0o700 });
  for (const digest of digests)
    await writeFile(fileOf(repository, digest), `${atDigest(repository, digest)}\n`, { mode: 0o600 });
}

/** Whether a release of this host wrote this digest to this repository. */
export const wasWrittenHere = (repository: Repository, digest: string): boolean =>
  existsSync(fileOf(repository, digest));
