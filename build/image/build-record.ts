import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder } from '../cache-folder.ts';

/** A record of a build, found by its key: equal contents have equal keys. */
export interface BuildRecord {
  /** ISO 8601. */
  readonly created: string;
  /**
   * Digests of the images that the engine got. There can be several: BuildKit may have made the same layer in two other builds,
   * and copies the times in an image's history from either.
   */
  readonly digests: readonly string[];
  /** Bytes of each layer, unpacked, in the order of the plan. */
  readonly layerSizes?: readonly (number | undefined)[];
}

/** Change the file name when the format changes. */
const recordFile = (key: string): string => cacheFolder('builds', key, 'record-2.json');

/** @returns the record of an earlier build with the same contents, or a new one that starts now */
export async function readBuildRecord(key: string): Promise<BuildRecord> {
  try {
    return JSON.parse(await readFile(recordFile(key), 'utf8')) as BuildRecord;
  } catch {
    return { created: new Date().toISOString(), digests: [] };
  }
}

export async function writeBuildRecord(key: string, record: BuildRecord): Promise<void> {
  await mkdir(dirname(recordFile(key)), { recursive: true });
  await writeFileAtomic(recordFile(key), `${JSON.stringify(record)}\n`);
}
