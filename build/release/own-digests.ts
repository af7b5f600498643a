import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { Repository } from '../oci/reference.ts';
import { atDigest } from '../oci/registry.ts';
import { stateFolder } from '../state-folder.ts';

/** The digests that releases of this host wrote: the proof for records without a signature. */
const file = (): string => stateFolder('written-digests.json');
/** A release writes some ten digests; older ones are signed or forgotten. */
const MOST = 5000;

async function readAll(): Promise<readonly string[]> {
  try {
    const value: unknown = JSON.parse(await readFile(file(), 'utf8'));
    return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
  } catch {
    return [];
  }
}

/** Writes are one after the other, because each rewrites the whole file. */
let writing: Promise<unknown> = Promise.resolve();

/** Remembers what this host is about to write to a registry. Called before the write, so that a kill between them loses nothing. */
export function rememberWritten(repository: Repository, digests: readonly string[]): Promise<void> {
  const result = writing.then(async () => {
    const added = digests.map((digest) => atDigest(repository, digest));
    const all = [...new Set([...(await readAll()), ...added])].slice(-MOST);
    await mkdir(dirname(file()), { recursive: true, mode: 0o700 });
    await writeFileAtomic(file(), `${JSON.stringify(all, null, 1)}\n`, { mode: 0o600 });
  });
  writing = result.catch(() => {});
  return result;
}

/** Whether a release of this host wrote this digest to this repository. */
export const wasWrittenHere = async (repository: Repository, digest: string): Promise<boolean> =>
  (await readAll()).includes(atDigest(repository, digest));
